import { iteratorOf } from './body-source.js';

/** What a value may hold open. */
interface Holding {
  readonly body?: unknown;
  readonly on?: unknown;
  readonly destroy?: unknown;
}

/**
 * Closes what a value that is not sent holds open: a Node stream, a Web stream, the body of a `Response`, a
 * generator. Does nothing for any other value, and for a stream that somebody else is reading. Never throws.
 */
export function discard(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  try {
    close(value);
  } catch {
    // A getter of the value has thrown: there is nothing to close.
  }
}

function close(value: object): void {
  const { on, destroy } = value as Holding;
  if (typeof on === 'function' && typeof destroy === 'function') {
    Reflect.apply(on, value, ['error', ignore]);
    Reflect.apply(destroy, value, []);
  } else if (isReadableStream(value) || isGenerator(value)) void iteratorOf(value).return?.().catch(ignore);
  else if (isPlatformResponse(value)) discard(value.body);
}

function isReadableStream(value: object): value is ReadableStream {
  return 'getReader' in value && !(value as ReadableStream).locked;
}

/** A list or a map has nothing to close. */
function isGenerator(value: object): value is AsyncGenerator | Generator {
  const { next } = value as { readonly next?: unknown };
  const { return: leave } = value as { readonly return?: unknown };
  return typeof next === 'function' && typeof leave === 'function';
}

/** There is no such class in jest's jsdom environment. */
function isPlatformResponse(value: object): value is globalThis.Response {
  return typeof globalThis.Response === 'function' && value instanceof globalThis.Response;
}

function ignore(): void {
  // Deliberately empty: nobody waits for what was discarded.
}
