import type { EventLog } from './events.js';

/** A transaction that records its outcome in the log of the current test. */
export function transactionIn(log: () => EventLog) {
  return async function* getTx() {
    log().add('BEGIN');
    try {
      yield { query: log().add };
      log().add('COMMIT');
    } catch (error) {
      log().add(`ROLLBACK: ${(error as Error).message}`);
      throw error;
    } finally {
      log().add('released');
    }
  };
}
