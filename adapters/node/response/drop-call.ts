import type { Callback } from '../node-types.js';
import { nextTick } from '../turns.js';

/** Calls that begin an answer, or go on with it. */
export const writingMethods = ['writeHead', 'writeHeader', 'flushHeaders', 'write', 'end'] as const;
/** Calls of code that answers too late are dropped. Node itself calls the others, in any async context. */
export const droppedMethods = [...writingMethods, 'destroy'] as const;

/** Does nothing but call the callback. Returns what the method of a response returns. */
export function dropCall(res: object, name: string, args: readonly unknown[]): unknown {
  const callback = args.findLast(argument => typeof argument === 'function');
  if (callback) nextTick(callback as Callback);
  return name === 'write' ? true : res;
}
