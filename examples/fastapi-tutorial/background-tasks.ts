// https://fastapi.tiangolo.com/tutorial/background-tasks/
import { Depends, dependency, endpoint, Layer } from 'callnext';
import { Path, Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

/** In place of log.txt. */
export const log: string[] = [];

async function writeNotification(email: string, message = ''): Promise<void> {
  log.push(`notification for ${email}: ${message}`);
}

const sendNotification = endpoint(
  { email: Path() },
  ({ email, backgroundTasks }) => {
    backgroundTasks.addTask(writeNotification, email, 'some notification');
    return { message: 'Notification sent in the background' };
  },
);

// "Dependency Injection": a dependency adds to the same list of tasks.
async function writeLog(message: string): Promise<void> {
  log.push(message);
}

const getQuery = dependency(
  { q: Query(z.string().optional()) },
  ({ q, backgroundTasks }) => {
    if (q) backgroundTasks.addTask(writeLog, `found query: ${q}`);
    return q;
  },
);

const sendLogged = endpoint(
  { email: Path(), q: Depends(getQuery) },
  ({ email, backgroundTasks }) => {
    backgroundTasks.addTask(writeLog, `message to ${email}`);
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
