import { validateHeaderName, validateHeaderValue } from 'node:http';
import { format } from 'node:util';
import { toError } from '../../core/adapter.js';

/**
 * Returns what Koa can answer in place of a thrown value: usually the value itself. Koa writes the status to
 * the error, sets its `headers` and prints other values as JSON; if that throws, the unhandled rejection ends
 * the process.
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

/** A registered symbol, so that two copies of the package recognize each other's copies of errors. */
const originalKey: unique symbol = Symbol.for('callnext.koa.original') as never;

/** Returns the original error of what Koa was given in its place. */
export function originalOf(thrown: unknown): Error {
  const error: Error & { readonly [originalKey]?: Error } = toError(thrown);
  return error[originalKey] ?? error;
}

/**
 * Yields chunks for a Node stream on the context. A value thrown by them becomes an Error: Node throws for
 * other values.
 */
export async function* answerableChunks<T>(chunks: AsyncIterable<T>): AsyncGenerator<T, void, unknown> {
  try {
    yield* chunks;
  } catch (thrown) {
    throw answerable(toError(thrown));
  }
}

/** Koa formats a non-error with `%j`, which throws for a bigint. */
function isPrintable(thrown: unknown): boolean {
  try {
    format('%j', thrown);
    return true;
  } catch {
    return false;
  }
}

/** False if the error is frozen, or its class has only a getter. */
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
