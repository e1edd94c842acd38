import { misuse } from '../../core/adapter.js';

/** Express 4 would leave a rejection unhandled, and the request open. */
export function refuseExpress(next: unknown, made = 'toKoa'): void {
  const right = made === 'toKoa' ? 'toExpress' : made;
  const error = misuse('WRONG_FRAMEWORK', made, 'an Express app', `\`${right}()\` from \`callnext/express\``);
  if (typeof next !== 'function') throw error;
  next(error);
}
