import { misuse } from '../../core/adapter.js';

/** Koa passes its `next` as the second argument; Node passes none. */
export function wrongFramework(made: string, second: unknown): Error {
  if (typeof second !== 'function') return misuse('WRONG_FRAMEWORK', made, 'a Node server', '`toNode()`');
  const right = made === 'toExpress' ? 'toKoa' : made;
  return misuse('WRONG_FRAMEWORK', made, 'a Koa app', `\`${right}()\` from \`callnext/koa\``);
}
