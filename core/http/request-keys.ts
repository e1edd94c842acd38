// Internal members use registered symbols, so that two copies of the package understand each other.
export const brand: unique symbol = Symbol.for('callnext.Request') as never;
export const parts: unique symbol = Symbol.for('callnext.Request.parts') as never;
export const matched: unique symbol = Symbol.for('callnext.Request.matched') as never;
export const reroute: unique symbol = Symbol.for('callnext.Request.reroute') as never;
export const source: unique symbol = Symbol.for('callnext.Request.source') as never;
export const target: unique symbol = Symbol.for('callnext.Request.target') as never;
export const body: unique symbol = Symbol.for('callnext.Request.body') as never;
