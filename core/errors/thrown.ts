import { show } from './show.js';

/**
 * Returns a thrown value as an Error that is safe to read, print and reject with; other values are wrapped as
 * its `cause`. Pass every caught value through here before reading it.
 */
export function toError(thrown: unknown): Error {
  const kind = kindOfThrown(thrown);
  if (kind === 'error') return thrown as Error;
  if (!isObject(thrown)) return wrapperOf(thrown);
  // The same value gets the same error, because failures are compared by identity.
  const wrapper = wrappers.get(thrown) ?? (kind === 'value' ? wrapperOf(thrown) : shieldOf(thrown));
  wrappers.set(thrown, wrapper);
  return wrapper;
}

/** Shared by all copies of the package, because their layers pass errors to each other. */
const sharedKey: unique symbol = Symbol.for('callnext.thrown') as never;
const shared = globalThis as { [sharedKey]?: ReturnType<typeof newWrappers> };
shared[sharedKey] ??= newWrappers();
/** `wrapped` gives back the original value, for frameworks. */
const { wrappers, wrapped } = shared[sharedKey];

function newWrappers() {
  return { wrappers: new WeakMap<object, Error>(), wrapped: new WeakMap<Error, unknown>() };
}

function wrapperOf(thrown: unknown): Error {
  const wrapper = new Error(`A non-error was thrown: ${show(thrown)}.`, { cause: thrown });
  wrapped.set(wrapper, thrown);
  return wrapper;
}

/** Stands in for an unreadable value. The cause is a getter, which `console.error` prints without calling. */
function shieldOf(thrown: object): Error {
  const shield = new Error('A value that cannot be inspected was thrown. It is the `cause` of this error.');
  Object.defineProperty(shield, 'cause', { get: () => thrown, configurable: true });
  return shield;
}

/** Returns the value as it was thrown, for frameworks; a thrown `undefined` or `null` stays an error. */
export function asThrown(error: Error): unknown {
  return wrapped.get(error) ?? error;
}

export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** `unreadable`: reading a field throws, or the value has a `then`, which a promise would call. */
function kindOfThrown(thrown: unknown): 'error' | 'value' | 'unreadable' {
  if (!isObject(thrown)) return 'value';
  try {
    for (const name of readFields) Reflect.get(thrown, name);
    readStack(thrown);
    // Throws here, and not in a logger, if the message is a symbol or there is no `toString`.
    String(thrown);
    if (!isError(thrown)) return 'value';
    return 'then' in thrown ? 'unreadable' : 'error';
  } catch {
    return 'unreadable';
  }
}

/** The fields that callnext, Node's inspector and the frameworks read. */
const readFields = [
  'constructor',
  'name',
  'message',
  'cause',
  'code',
  'status',
  'statusCode',
  'expose',
  'headers',
  'detail',
  'errors',
] as const;

/** Works across realms, as in jest; a `toStringTag` alone is not enough. */
function isError(thrown: object): boolean {
  const tag = Object.prototype.toString.call(thrown);
  if (thrown instanceof Error) return true;
  const { message } = thrown as { message?: unknown };
  return (tag === '[object Error]' || tag === '[object DOMException]') && typeof message === 'string';
}

/** Finds a getter without calling it; reading the property descriptor would format the stack. */
const getterOf = Reflect.get(Object.prototype, '__lookupGetter__') as (this: object, name: string) => unknown;
/** V8's own getter (Node 22 and later) is skipped: it cannot fail, and formatting the stack is slow. */
const ownStack = getterOf.call(new Error(), 'stack');

function readStack(thrown: object): void {
  const getter = getterOf.call(thrown, 'stack');
  if (getter !== undefined && getter !== ownStack) Reflect.get(thrown, 'stack');
}

/**
 * Sets `failure` as the cause of `error` unless it has one. Returns whether `error` now contains `failure`,
 * as a cause or as an aggregated error.
 */
export function carries(error: Error, failure: Error): boolean {
  if (isWithin(error, failure)) return true;
  if (given.has(error)) return takeBack(error);
  // An error that is thrown again may itself have caused the failure: do not build a cycle of causes.
  if (causeOf(error) !== undefined || isWithin(failure, error)) return false;
  given.add(error);
  return giveCause(error, failure);
}

/** The cause of an error; if reading it throws, the thrown value. */
export function causeOf(error: Error): unknown {
  try {
    return error.cause;
  } catch (thrown) {
    return thrown ?? error;
  }
}

/** Errors whose cause was set here. */
const given = new WeakSet<Error>();

/** An error object thrown again, such as a module constant, must not keep the cause of an earlier request. */
function takeBack(error: Error): false {
  giveCause(error, undefined);
  return false;
}

function giveCause(error: Error, cause: Error | undefined): boolean {
  const property = { value: cause, configurable: true, writable: true, enumerable: false };
  try {
    return Reflect.defineProperty(error, 'cause', property);
  } catch {
    return false; // a proxy may refuse by throwing
  }
}

/** Bounds the search, because a getter may create a new cause on each read. */
const mostCauses = 1000;

/** Whether `error` is `searched` or has it among its causes, which may form a cycle. */
function isWithin(error: unknown, searched: Error): boolean {
  const seen = new Set<unknown>([error]);
  for (const each of seen) {
    if (each === searched) return true;
    if (seen.size < mostCauses) for (const inner of innerOf(each)) seen.add(inner);
  }
  return false;
}

/** The errors that an error refers to; none if it cannot be read. */
function innerOf(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  try {
    const { cause, errors, suppressed, error: latest } = error as Partial<Record<string, unknown>>;
    return [cause, suppressed, latest, ...(Array.isArray(errors) ? errors.slice(0, mostCauses) : [])];
  } catch {
    return [];
  }
}
