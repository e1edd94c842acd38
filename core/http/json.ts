import { contentKindOf } from '../errors/kinds.js';
import { misuse, misuseWith } from '../errors.js';
import { asAnswer, HTTPException } from './http-exception.js';

/**
 * Throws an HTTPException of 415 unless the content type is JSON. Another site's page may send a body as
 * `text/plain`, or without a type, and without a CORS preflight (Fetch, "CORS-safelisted request-header").
 */
export function refuseOtherThanJSON(type: string | null): void {
  if (isJSONType(type)) return;
  const essence = essenceIn(type);
  const received = essence === '' ? 'has no content type' : `has the content type ${JSON.stringify(essence)}`;
  const detail = `The body ${received}. Send JSON as "application/json".`;
  throw new HTTPException(415, detail, { cause: misuse('CONTENT_TYPE', received) });
}

/** Whether a content type is `application/json` or `application/*+json`. */
export function isJSONType(type: string | null): boolean {
  return /^application\/(?:[^\s/,]+\+)?json$/i.test(essenceIn(type));
}

function essenceIn(type: string | null): string {
  return type?.split(';', 1)[0]?.trim() ?? '';
}

/** Parses a body as JSON. Throws a `SyntaxError` that is answered with a 400, as body parsers do. */
export function parseJSON(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `There was an error parsing the body: ${(cause as Error).message}`;
    throw asAnswer(new SyntaxError(message, { cause }), 400);
  }
}

/**
 * Serializes plain data as JSON. `undefined` becomes `null`, as FastAPI writes the result of a function
 * without `return`.
 *
 * Throws `NOT_SERIALIZABLE`, with the place, for a bigint, a cycle, `NaN` and `Infinity` (Starlette's
 * `allow_nan=False`); for a promise as the data or in its first level; and for a function, a stream, a
 * `Blob`, a form, a `Map` or a `Set` as the data. Properties that `JSON.stringify` omits, such as functions,
 * are omitted.
 */
export function serialize(data: unknown): string {
  const value = data === undefined ? null : data;
  if (contentKindOf(value)) throw misuse('NOT_SERIALIZABLE', value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    refuseUnwritable(value, { cause });
    throw cause;
  }
  if (text === undefined) throw misuse('NOT_SERIALIZABLE', data);
  // `NaN` and `Infinity` become `null`, so only a text with a `null` needs a second look.
  if (text.includes('null')) refuseUnwritable(value);
  if (text.includes('{}')) refusePromise(value);
  return text;
}

function refuseUnwritable(data: unknown, options: { cause?: unknown } = {}): void {
  const found = lookForUnwritable(data);
  if (found === undefined) return;
  const place = `data${found.path.reverse().join('')}`;
  throw misuseWith(options, 'NOT_SERIALIZABLE', found.value, `${found.what} at \`${place}\``);
}

/** Gives up on a getter or a `toJSON` that throws on a second read; it has already been written. */
function lookForUnwritable(data: unknown): Unwritable | undefined {
  try {
    return findUnwritable(data, '', new Set());
  } catch {
    return undefined;
  }
}

interface Unwritable {
  readonly value: unknown;
  readonly what: string;
  readonly path: string[];
}

/** Walks through data like `JSON.stringify`. Builds the path only when it finds something. */
function findUnwritable(data: unknown, key: string, around: Set<object>): Unwritable | undefined {
  const value = written(data, key);
  const standsHere = (what = 'it stands'): Unwritable => ({ value, what, path: [] });
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : standsHere();
  if (typeof value === 'bigint' || value instanceof BigInt) return standsHere();
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Number) return Number.isFinite(Number(value)) ? undefined : standsHere();
  if (around.has(value)) return standsHere('it contains itself');
  around.add(value);
  const found = Array.isArray(value) ? findInList(value, around) : findInObject(value, around);
  around.delete(value);
  return found;
}

/**
 * Catches a missing `await`, as in `{ items: db.all() }` or `rows.map(async …)`. Checks the first level only,
 * to keep objects that are simply empty cheap.
 */
function refusePromise(data: unknown): void {
  if (typeof data !== 'object' || data === null) return;
  if (isPromise(data)) throw promiseAt(data, '');
  if (Array.isArray(data)) {
    if (isPromise(data[0])) throw promiseAt(data[0], '[0]');
    return;
  }
  for (const key in data) {
    const value: unknown = Object.hasOwn(data, key) ? read(data, key) : undefined;
    if (isPromise(value)) throw promiseAt(value, `.${key}`);
    if (Array.isArray(value) && isPromise(value[0])) throw promiseAt(value[0], `.${key}[0]`);
  }
}

function promiseAt(value: unknown, place: string): Error {
  return misuse('NOT_SERIALIZABLE', value, `it is at \`data${place}\``);
}

/** `undefined` for a getter that throws on a second read; it has already been written. */
function read(data: object, key: string): unknown {
  try {
    return Reflect.get(data, key);
  } catch {
    return undefined;
  }
}

function isPromise(value: unknown): boolean {
  return value instanceof Promise && typeof (value as { toJSON?: unknown }).toJSON !== 'function';
}

/** The written form of a value: the result of its `toJSON`, if it has one. */
function written(data: unknown, key: string): unknown {
  const isAsked = (typeof data === 'object' && data !== null) || typeof data === 'bigint';
  const toJSON: unknown = isAsked ? (data as { toJSON?: unknown }).toJSON : undefined;
  return typeof toJSON === 'function' ? Reflect.apply(toJSON, data, [key]) : data;
}

function findInList(list: readonly unknown[], around: Set<object>): Unwritable | undefined {
  for (let index = 0; index < list.length; index += 1) {
    const found = findUnwritable(list[index], String(index), around);
    if (found === undefined) continue;
    found.path.push(`[${index}]`);
    return found;
  }
  return undefined;
}

function findInObject(data: object, around: Set<object>): Unwritable | undefined {
  for (const key of Object.keys(data)) {
    const found = findUnwritable(Reflect.get(data, key), key, around);
    if (found === undefined) continue;
    found.path.push(`.${key}`);
    return found;
  }
  return undefined;
}
