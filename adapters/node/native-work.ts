import { ClientDisconnect, failLate, type NativeWork } from '../../core/adapter.js';
import { endOf, whenAnswerMayGo, whenStuck } from './answer-wait.js';
import type { NativeExchange } from './native-exchange.js';

/** Calls native code below a layer, and notes the promise that it returns. */
export function callNative<T>({ calls }: NativeExchange, call: () => T): T {
  const order = calls.begin();
  const returned = call();
  calls.gave(order, returned);
  return returned;
}

/** Returns the native code that may still be running although it has answered the innermost layer. */
export function nativeWork({ res, calls, waiters, end, exchange }: NativeExchange): NativeWork | undefined {
  const { innermost, holding: held } = waiters;
  if (innermost === undefined) return undefined;
  const works = calls.worksAfter(innermost.order);
  if (works.length === 0) return undefined;
  const answer = { res, held, listenersBefore: calls.listenersBefore ?? innermost.listeners };
  // The caller of this code, the framework or the emitter, has already reported its rejections.
  const { whenEnded, isAtWork } = endOf(works);
  const whenOver = (): Promise<void> => {
    const stuck = whenStuck(end.whenOver(), isAtWork, answer);
    const isTakenBack = stuck.then(() => failLate(exchange, new ClientDisconnect()));
    return Promise.race([whenEnded(), isTakenBack]);
  };
  return { answerMayGo: () => whenAnswerMayGo(whenEnded(), answer), end: whenOver, isAtWork };
}
