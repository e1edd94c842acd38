/**
 * The exchange of a native response, as one own property: a WeakMap adds garbage collection worth a tenth of
 * a small request.
 */
export const exchangeKey: unique symbol = Symbol.for('callnext.exchange') as never;

/** Where a test puts the recorder for the steps of a request. */
export const traceKey: unique symbol = Symbol.for('callnext.trace') as never;

/** Copies of the same version share the exchanges of their requests. */
export const version = '0.1.0';
