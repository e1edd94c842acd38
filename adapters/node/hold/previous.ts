import type { NativeResponse } from '../node-types.js';
import type { Sink } from '../response/write-response.js';

/**
 * The methods that stood on a response before its hold: Node's own, or those of a middleware outside the
 * layer.
 */
export type PreviousMethods = Sink &
  Pick<NativeResponse, '_implicitHeader' | '_send' | 'flush' | 'cork' | 'uncork'>;

export type Listener = (...args: unknown[]) => void;
