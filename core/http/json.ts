import { misuse, misuseWith } from '../errors.js';

/**
 * A body as JSON. Throws a `SyntaxError` that is answered with a 400, as body parsers do: it is the client's mistake.
 */
export function parseJSON(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const error = new SyntaxError(`There was an error parsing the body: ${(cause as Error).message}`, {
      cause,
    });
    throw Object.assign(error, { status: 400, statusCode: 400, expose: true });
  }
}

/**
 * Plain data as JSON. `undefined` is written as `null`, as FastAPI writes what a function without `return` gives.
 *
 * Throws `NOT_SERIALIZABLE`, with the place, for what JSON has no form for: a bigint, a circle, a function in place of the data, and `NaN` and
 * `Infinity`, which `JSON.stringify` makes `null` of (Starlette's `allow_nan=False`). What it leaves out, such as a property that is a function, is left out.
 */
export function serialize(data: unknown): string {
  const value = data === undefined ? null : data;
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    refuseUnwritable(value, { cause });
    throw cause;
  }
  if (text === undefined) throw misuse('NOT_SERIALIZABLE', data);
  // They are `null` in the text, so that only a text with a `null` is looked at again.
  if (text.includes('null')) refuseUnwritable(value);
  return text;
}

function refuseUnwritable(data: unknown, options: { cause?: unknown } = {}): void {
  const found = findUnwritable(data, new Set());
  if (found === undefined) return;
  const place = `data${found.path.reverse().join('')}`;
  throw misuseWith(options, 'NOT_SERIALIZABLE', found.value, `${found.what} at \`${place}\``);
}

interface Unwritable {
  readonly value: unknown;
  readonly what: string;
  /** Innermost first. */
  readonly path: string[];
}

/** Walks through data as `JSON.stringify` does. The path is put together only where there is something to be found. */
function findUnwritable(data: unknown, around: Set<object>): Unwritable | undefined {
  const standsHere = (what = 'it stands'): Unwritable => ({ value: data, what, path: [] });
  if (typeof data === 'number') return Number.isFinite(data) ? undefined : standsHere();
  if (typeof data === 'bigint') return 'toJSON' in BigInt.prototype ? undefined : standsHere();
  if (typeof data !== 'object' || data === null) return undefined;
  if (data instanceof Number) return findUnwritable(Number(data), around);
  const { toJSON } = data as { toJSON?: unknown };
  if (typeof toJSON === 'function') return findUnwritable(Reflect.apply(toJSON, data, ['']), around);
  if (around.has(data)) return standsHere('it contains itself');
  around.add(data);
  const found = Array.isArray(data) ? findInList(data, around) : findInObject(data, around);
  around.delete(data);
  return found;
}

function findInList(list: readonly unknown[], around: Set<object>): Unwritable | undefined {
  for (let index = 0; index < list.length; index += 1) {
    const found = findUnwritable(list[index], around);
    if (found === undefined) continue;
    found.path.push(`[${index}]`);
    return found;
  }
  return undefined;
}

function findInObject(data: object, around: Set<object>): Unwritable | undefined {
  for (const key of Object.keys(data)) {
    const found = findUnwritable(Reflect.get(data, key), around);
    if (found === undefined) continue;
    found.path.push(`.${key}`);
    return found;
  }
  return undefined;
}
