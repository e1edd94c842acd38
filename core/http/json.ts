import { misuse } from '../errors.js';

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
 * Throws `NOT_SERIALIZABLE`, with the place, for what JSON has no form for: a function, a bigint, a circle, and `NaN` and `Infinity`,
 * which `JSON.stringify` makes `null` of. Starlette's `allow_nan=False`.
 */
export function serialize(data: unknown): string {
  const value = data === undefined ? null : data;
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (thrown) {
    refuseUnwritable(value);
    throw isCircle(thrown) ? misuse('NOT_SERIALIZABLE', value, 'it contains itself') : thrown;
  }
  if (text === undefined) throw misuse('NOT_SERIALIZABLE', data);
  // They are `null` in the text, so that only a text with a `null` is looked at again.
  if (text.includes('null')) refuseUnwritable(value);
  return text;
}

function isCircle(thrown: unknown): boolean {
  return thrown instanceof Error && /circular/i.test(thrown.message);
}

/** Walks through data as `JSON.stringify` does, and throws at what can not be written. */
function refuseUnwritable(data: unknown): void {
  const places = new WeakMap<object, string>();
  const check = function (this: unknown, key: string, value: unknown): unknown {
    const holder = places.get(this as object);
    const place =
      holder === undefined ? 'data' : Array.isArray(this) ? `${holder}[${key}]` : `${holder}.${key}`;
    if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)))
      throw misuse('NOT_SERIALIZABLE', value, `it stands at \`${place}\``);
    if (typeof value === 'object' && value !== null && !places.has(value)) places.set(value, place);
    return value;
  };
  try {
    JSON.stringify(data, check);
  } catch (thrown) {
    if (!isCircle(thrown)) throw thrown;
  }
}
