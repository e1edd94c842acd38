import type { NativeResponse } from '../node-types.js';
import type { Sink } from '../response/write-response.js';

/** The methods of a response before its hold: Node's own, or those of outer middleware. */
export type PreviousMethods = Sink &
  Pick<NativeResponse, '_implicitHeader' | '_send' | 'flush' | 'cork' | 'uncork'>;

export type Listener = (...args: unknown[]) => void;
