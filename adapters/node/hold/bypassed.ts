import type { Calls } from './calls.js';
import { replaced } from './replaced.js';

function ignore(): void {
  // Deliberately empty.
}

/** The framework answers past the hold: later writes are dropped. */
export const bypassed: Calls = {
  ...replaced,
  name: 'bypassed',
  writeHead: ignore,
  implicitHeader: ignore,
  cork: ignore,
  uncork: ignore,
  send: () => true,
  on: ({ previous, res }, event, listener) => previous.on.call(res, event, listener) as typeof res,
};
