import { show } from './show.js';

/**
 * What was thrown, as an Error that can be read, printed and given to a promise. Anything else is wrapped,
 * with what was thrown as its `cause`. Every caught value passes through here before anything else looks at
 * it.
 */
export function toError(thrown: unknown): Error {
  const kind = kindOfThrown(thrown);
  if (kind === 'error') return thrown as Error;
  if (!isObject(thrown)) return wrapperOf(thrown);
  // The same error for the same value: a failure is known by its identity.
  const wrapper = wrappers.get(thrown) ?? (kind === 'value' ? wrapperOf(thrown) : shieldOf(thrown));
  wrappers.set(thrown, wrapper);
  return wrapper;
}

/** Shared by all copies of the package, whose layers hand errors to one another. */
const sharedKey: unique symbol = Symbol.for('callnext.thrown') as never;
const shared = globalThis as { [sharedKey]?: ReturnType<typeof newWrappers> };
shared[sharedKey] ??= newWrappers();
/** `wrapped`: what frameworks are given in place of its wrapper. */
const { wrappers, wrapped } = shared[sharedKey];

function newWrappers() {
  return { wrappers: new WeakMap<object, Error>(), wrapped: new WeakMap<Error, unknown>() };
}

function wrapperOf(thrown: unknown): Error {
  const wrapper = new Error(`A non-error was thrown: ${show(thrown)}.`, { cause: thrown });
  wrapped.set(wrapper, thrown);
  return wrapper;
}

/**
 * An error in place of a value that nobody can look at. `console.error` prints a getter without following it.
 */
function shieldOf(thrown: object): Error {
  const shield = new Error('A value that cannot be inspected was thrown. It is the `cause` of this error.');
  Object.defineProperty(shield, 'cause', { get: () => thrown, configurable: true });
  return shield;
}

/**
 * The same as it was thrown, for frameworks that have always been given it. Nothing at all stays an error.
 */
export function asThrown(error: Error): unknown {
  return wrapped.get(error) ?? error;
}

export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** `unreadable`: reading a field throws, or a promise that is given the error would wait for its `then`. */
function kindOfThrown(thrown: unknown): 'error' | 'value' | 'unreadable' {
  if (!isObject(thrown)) return 'value';
  try {
    for (const name of readFields) Reflect.get(thrown, name);
    readStack(thrown);
    // A symbol for a message, or no `toString` at all: printing it would throw.
    String(thrown);
    if (!isError(thrown)) return 'value';
    return 'then' in thrown ? 'unreadable' : 'error';
  } catch {
    return 'unreadable';
  }
}

/** What this library, Node's inspector and the frameworks read of a thrown value. */
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

/** Those of another realm too, as in jest; `toStringTag` alone makes no error. */
function isError(thrown: object): boolean {
  const tag = Object.prototype.toString.call(thrown);
  if (thrown instanceof Error) return true;
  const { message } = thrown as { message?: unknown };
  return (tag === '[object Error]' || tag === '[object DOMException]') && typeof message === 'string';
}

/**
 * Finds a getter without calling it. V8's own up to Node 20 is none to it, and a descriptor would format the
 * stack.
 */
const getterOf = Reflect.get(Object.prototype, '__lookupGetter__') as (this: object, name: string) => unknown;
/** V8's own from Node 22 on formats the stack, which takes longer than all else here and cannot fail. */
const ownStack = getterOf.call(new Error(), 'stack');

function readStack(thrown: object): void {
  const getter = getterOf.call(thrown, 'stack');
  if (getter !== undefined && getter !== ownStack) Reflect.get(thrown, 'stack');
}

/**
 * Keeps the failure that led to `error` as its cause, where it has none of its own. Tells whether the error
 * carries it: as a cause, or among the errors that it aggregates.
 */
export function carries(error: Error, failure: Error): boolean {
  if (isWithin(error, failure)) return true;
  if (given.has(error)) return takeBack(error);
  // An error that is thrown anew may be one of those that led to the failure: a circle of causes would be no
  // help.
  if (causeOf(error) !== undefined || isWithin(failure, error)) return false;
  given.add(error);
  return giveCause(error, failure);
}

/** The cause of an error; where it can not be looked at, that it can not. */
export function causeOf(error: Error): unknown {
  try {
    return error.cause;
  } catch (thrown) {
    return thrown ?? error;
  }
}

/** Errors that have been given a cause. */
const given = new WeakSet<Error>();

/**
 * An error object that is thrown again and again, as a constant of a module: what led to it once is no cause
 * of it now.
 */
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

/** Enough for every real chain of causes; a getter may make a new one each time. */
const mostCauses = 1000;

/** Whether an error is another one, or has it somewhere among its causes; these may be many, or a circle. */
function isWithin(error: unknown, searched: Error): boolean {
  const seen = new Set<unknown>([error]);
  for (const each of seen) {
    if (each === searched) return true;
    if (seen.size < mostCauses) for (const inner of innerOf(each)) seen.add(inner);
  }
  return false;
}

/** The errors that an error names; one that can not be looked at names none. */
function innerOf(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  try {
    const { cause, errors, suppressed, error: latest } = error as Partial<Record<string, unknown>>;
    return [cause, suppressed, latest, ...(Array.isArray(errors) ? errors.slice(0, mostCauses) : [])];
  } catch {
    return [];
  }
}
