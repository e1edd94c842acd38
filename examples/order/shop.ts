// Middleware, dependencies and endpoints in one file. It does not depend on
// Express or Koa, and both mount it.
import {
  Depends,
  dependency,
  endpoint,
  HTTPException,
  Layer,
  type Middleware,
  type Request,
  StreamingResponse,
} from 'callnext';
import { inspector } from 'callnext/inspector';
import { note } from './trace.js';

/** FastAPI's tutorial middleware, unchanged but for the language. */
const processTime: Middleware = async (request, callNext) => {
  note('middleware', 'processTime: in');
  const start = performance.now();
  const response = await callNext(request);
  response.headers.set(
    'X-Process-Time',
    String((performance.now() - start) / 1000),
  );
  note('middleware', `processTime: out, ${response.status}`);
  return response;
};

/** A middleware that sees the errors below it. */
const audit: Middleware = async (request, callNext) => {
  note('middleware', 'audit: in');
  try {
    const response = await callNext(request);
    note('middleware', `audit: out, ${response.status}`);
    return response;
  } catch (error) {
    note('middleware', `audit: caught "${(error as Error).message}"`);
    throw error;
  }
};

export const layer = new Layer({
  onError: error => note('reported', error.message.split('.')[0] ?? ''),
});
layer.addMiddleware(audit);
layer.addMiddleware(processTime); // the last one added is outermost, as in FastAPI

/** Shows the requests as they run. */
export const inspect = inspector();

async function* getConnection() {
  note('dependency', 'connection: open');
  try {
    yield { rows: new Map([['1', { id: '1', name: 'chair' }]]) };
  } finally {
    note('dependency', 'connection: close');
  }
}

const getTransaction = dependency(
  { connection: Depends(getConnection) },
  async function* ({ connection }) {
    note('dependency', 'transaction: begin');
    try {
      yield connection;
      note('dependency', 'transaction: commit');
    } catch (error) {
      note('dependency', 'transaction: rollback');
      throw error;
    }
  },
);

const getUser = ({ request }: { request: Request }): string => {
  const token = request.headers.get('authorization');
  note('dependency', `user: ${token ?? 'no token'}`);
  if (token === null)
    throw new HTTPException(401, 'Not authenticated', {
      headers: { 'www-authenticate': 'Bearer' },
    });
  return token;
};

const recordView = (id: string | undefined): void =>
  note('task', `record the view of ${id}`);
const archiveReport = (): void => note('task', 'archive the report');
const sendMail = (): void => note('task', 'send the mail');

export const readItem = endpoint(
  { connection: Depends(getConnection) },
  ({ connection, request, backgroundTasks }) => {
    note('endpoint', `read item ${request.pathParams.id}`);
    backgroundTasks.addTask(recordView, request.pathParams.id);
    return connection.rows.get(request.pathParams.id ?? '') ?? null;
  },
);

export const readProfile = endpoint(
  { connection: Depends(getConnection), user: Depends(getUser) },
  ({ user }) => ({ user }),
);

export const streamReport = endpoint(
  { connection: Depends(getConnection) },
  ({ connection, backgroundTasks }) => {
    note('endpoint', 'begin the report');
    backgroundTasks.addTask(archiveReport);
    async function* lines() {
      for (const { name } of connection.rows.values()) {
        note('body', `line: ${name}`);
        yield `${name}\n`;
      }
      note('body', 'last line written');
    }
    return new StreamingResponse(lines(), { mediaType: 'text/csv' });
  },
);

export const createOrder = endpoint(
  { transaction: Depends(getTransaction) },
  ({ backgroundTasks }) => {
    note('endpoint', 'insert the order');
    backgroundTasks.addTask(sendMail);
    throw new Error('out of stock');
  },
);
