import type { Trace } from '../../core/adapter.js';
import { traceKey } from './exchange-key.js';

/** Whether a trace is already attached to a response. */
export function isTraced(res: object): boolean {
  return traceKey in res;
}

/** Tells the steps of the exchange that a response will have. */
export function traceOn(res: object, trace: Trace): void {
  Reflect.set(res, traceKey, trace);
}

export function traceOf(res: object): Trace | undefined {
  return (res as { readonly [traceKey]?: Trace })[traceKey];
}
