/**
 * The exchange of a native response, as one own property: a WeakMap costs a tenth of a small request in
 * garbage collection.
 */
export const exchangeKey: unique symbol = Symbol.for('callnext.exchange') as never;

/** Where a test puts what is told of the steps of a response's request. */
export const traceKey: unique symbol = Symbol.for('callnext.trace') as never;

/** Copies of one version share the exchanges of their requests. */
export const version = '0.1.0';
