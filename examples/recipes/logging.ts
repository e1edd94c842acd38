// A pino logger with the id of the request on every line, in native handlers too.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Layer, type Middleware } from 'callnext';
import { backgroundTasks, toExpress } from 'callnext/express';
import { requestId } from 'callnext/middleware/request-id';
import express from 'express';
import pino, { type Logger } from 'pino';

export const lines: string[] = [];
const root = pino({ base: null }, { write: line => void lines.push(line) }); // yours: pino()

const current = new AsyncLocalStorage<Logger>();
export const log = (): Logger => current.getStore() ?? root;

const logRequests: Middleware = ({ method, path, state }, callNext) => {
  const { requestId } = state as { requestId: string };
  const logger = root.child({ requestId, method, path });
  return current.run(logger, async () => {
    try {
      const response = await callNext();
      logger.info({ status: response.status }, 'answered');
      return response;
    } catch (err) {
      logger.error({ err }, 'failed'); // the framework answers with a 500
      throw err;
    }
  });
};

const layer = new Layer({
  middleware: [requestId(), logRequests],
  onError(err, { phase, where, name }) {
    // Too late for the response: a failed exit, a failed task.
    log().error({ err, phase, where, name }, 'failed late');
  },
});

export const app = express();
app.use(toExpress(layer));
app.get('/orders', (req, res) => {
  log().info('reading orders');
  backgroundTasks(req).addTask(async function sendMail() {
    throw new Error('smtp down');
  });
  res.json([]);
});
app.get('/broken', () => {
  throw new Error('the database is gone');
});
