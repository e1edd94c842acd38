import { validateHeaderName, validateHeaderValue } from 'node:http';
import { format } from 'node:util';
import { toError } from '../../core/adapter.js';

/**
 * What Koa can answer in place of a thrown value: mostly the value itself. Koa writes the status to the
 * error, sets its `headers` and prints what is no error as JSON; where that throws, the rejection is
 * unhandled and ends the process.
 */
export function answerable(thrown: unknown): unknown {
  const error = toError(thrown);
  if (error !== thrown) return isPrintable(thrown) ? thrown : error;
  if (isWritable(error, 'status') && isWritable(error, 'headerSent') && hasValidHeaders(error)) return error;
  const { status, statusCode, expose, headers } = error as unknown as Record<string, unknown>;
  const known = hasValidHeaders(error) ? { headers } : {};
  const copy = Object.assign(new Error(error.message, { cause: error }), {
    status,
    statusCode,
    expose,
    ...known,
  });
  Object.defineProperty(copy, originalKey, { value: error });
  return copy;
}

/** By a symbol, so that two copies of the package know each other's copies of errors. */
const originalKey: unique symbol = Symbol.for('callnext.koa.original') as never;

/** What Koa was given in the place of an error, as the error again. */
export function originalOf(thrown: unknown): Error {
  const error: Error & { readonly [originalKey]?: Error } = toError(thrown);
  return error[originalKey] ?? error;
}

/**
 * Chunks for a Node stream on the context. What they fail with is made an Error: Node throws for other
 * values.
 */
export async function* answerableChunks<T>(chunks: AsyncIterable<T>): AsyncGenerator<T, void, unknown> {
  try {
    yield* chunks;
  } catch (thrown) {
    throw answerable(toError(thrown));
  }
}

/** Koa formats what is no error by `%j`, which throws for a bigint. */
function isPrintable(thrown: unknown): boolean {
  try {
    format('%j', thrown);
    return true;
  } catch {
    return false;
  }
}

/** Not where the error is frozen, and not where its class has a getter alone. */
function isWritable(error: object, name: string): boolean {
  for (let each: object | null = error; each; each = Object.getPrototypeOf(each)) {
    const property = Object.getOwnPropertyDescriptor(each, name);
    if (property) return property.writable === true || property.set !== undefined;
  }
  return Object.isExtensible(error);
}

function hasValidHeaders(error: object): boolean {
  const { headers } = error as { headers?: unknown };
  try {
    for (const [name, value] of Object.entries(headers ?? {})) {
      validateHeaderName(name);
      validateHeaderValue(name, String(value));
    }
    return true;
  } catch {
    return false;
  }
}
