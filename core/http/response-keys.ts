// Internal members use registered symbols, so that two copies of the package understand each other.
export const brand: unique symbol = Symbol.for('callnext.Response') as never;
export const head: unique symbol = Symbol.for('callnext.Response.head') as never;
export const body: unique symbol = Symbol.for('callnext.Response.body') as never;
export const take: unique symbol = Symbol.for('callnext.Response.take') as never;
/** Moves a response to another head. */
export const moveTo: unique symbol = Symbol.for('callnext.Response.moveTo') as never;
export const claim: unique symbol = Symbol.for('callnext.Response.claim') as never;
export const tasks: unique symbol = Symbol.for('callnext.Response.tasks') as never;
export const inherit: unique symbol = Symbol.for('callnext.Response.inherit') as never;
/** Makes the response that is sent from one that depends on the request, such as a file. */
export const prepare: unique symbol = Symbol.for('callnext.Response.prepare') as never;
/** The options that a response class takes. A user's subclass may take others. */
export const optionNames: unique symbol = Symbol.for('callnext.Response.optionNames') as never;
