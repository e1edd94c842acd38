// What is internal is reached by symbols, so that two copies of the package understand each other.
export const brand: unique symbol = Symbol.for('callnext.Response') as never;
export const head: unique symbol = Symbol.for('callnext.Response.head') as never;
export const body: unique symbol = Symbol.for('callnext.Response.body') as never;
export const take: unique symbol = Symbol.for('callnext.Response.take') as never;
/** Puts it over another head. */
export const moveTo: unique symbol = Symbol.for('callnext.Response.moveTo') as never;
export const claim: unique symbol = Symbol.for('callnext.Response.claim') as never;
export const tasks: unique symbol = Symbol.for('callnext.Response.tasks') as never;
export const inherit: unique symbol = Symbol.for('callnext.Response.inherit') as never;
/** What makes the response that is sent of one that depends on the request, such as a file. */
export const prepare: unique symbol = Symbol.for('callnext.Response.prepare') as never;
/** The options that a class of responses takes. One that a user has derived takes what it likes. */
export const optionNames: unique symbol = Symbol.for('callnext.Response.optionNames') as never;
