import { BackgroundTask, Depends, type Injected, type Middleware } from 'callnext';
import type { EventLog } from './events.js';

export class Conflict extends Error {
  readonly status = 409;
}

/** Observers for tests of native errors; each records what it sees in the log of the current test. */
export function watchedBy(log: () => EventLog) {
  const watching: Middleware = async (request, callNext) => {
    try {
      const response = await callNext(request);
      log().add(`after ${response.status}`);
      return response;
    } catch (error) {
      log().add(`caught ${(error as Error).message}`);
      throw error;
    }
  };
  const onError = (error: Error, { phase }: { phase: string }): void =>
    log().add(`reported ${phase}: ${error.message.includes('was dropped') ? 'dropped' : error.message}`);

  async function* getTransaction({ backgroundTasks }: Injected) {
    log().add('begin');
    backgroundTasks.addTask(log().add, 'task');
    backgroundTasks.addTask(new BackgroundTask(log().add, ['always'], { when: 'always' }));
    try {
      yield { name: 'transaction' };
      log().add('commit');
    } catch (error) {
      log().add(`rollback: ${(error as Error).message}`);
      throw error;
    }
  }
  return { watching, onError, getTransaction, transaction: Depends(getTransaction) };
}
