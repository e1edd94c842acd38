// https://fastapi.tiangolo.com/tutorial/background-tasks/
import { Depends, endpoint, type Injected, Layer } from 'callnext';
import type { Page } from './page.js';

/** In place of log.txt. */
export const log: string[] = [];

async function writeNotification(email: string, message = ''): Promise<void> {
  log.push(`notification for ${email}: ${message}`);
}

const sendNotification = endpoint({}, ({ request, backgroundTasks }) => {
  backgroundTasks.addTask(
    writeNotification,
    request.pathParams.email ?? '',
    'some notification',
  );
  return { message: 'Notification sent in the background' };
});

// "Dependency Injection": a dependency adds to the same list of tasks.
async function writeLog(message: string): Promise<void> {
  log.push(message);
}

function getQuery({ request, backgroundTasks }: Injected): string | null {
  const q = request.queryParams.get('q');
  if (q) backgroundTasks.addTask(writeLog, `found query: ${q}`);
  return q;
}

const sendLogged = endpoint(
  { q: Depends(getQuery) },
  ({ request, backgroundTasks }) => {
    backgroundTasks.addTask(writeLog, `message to ${request.pathParams.email}`);
    return { message: 'Message sent' };
  },
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    {
      method: 'post',
      path: '/send-notification/:email',
      endpoint: sendNotification,
    },
    { method: 'post', path: '/send-logged/:email', endpoint: sendLogged },
  ],
};
