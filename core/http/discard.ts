import { iteratorOf } from './body-source.js';
import { isOurs } from './response.js';
import { isResponseLike } from './response-like.js';
import { bodyOf } from './response-parts.js';

/** What a Node stream has besides its methods. */
interface NodeStream {
  readonly destroy?: unknown;
  readonly on?: unknown;
  /** `true` while the stream is being read. */
  readonly readableFlowing?: unknown;
  /** Of a request, whose connection serves the response. */
  readonly httpVersion?: unknown;
  readonly method?: unknown;
  /** Of a connection. */
  readonly remoteAddress?: unknown;
}

/**
 * Closes a value that is not sent: a Node stream, a Web stream, the body of a response, or a generator.
 * Ignores other values, requests, connections, and streams that somebody else is reading. Never throws.
 */
export function discard(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  try {
    if (isOurs(value)) void bodyOf(value).closeUnread()?.catch(ignore);
    else if (isResponseLike(value)) discard(value.body);
    else if (isNodeStream(value)) destroy(value);
    else if (isOpen(value)) iteratorOf(value).return?.().catch(ignore);
  } catch {
    // A getter of the value has thrown: there is nothing to close.
  }
}

function isNodeStream(value: object): value is NodeStream {
  const { destroy, on } = value as NodeStream;
  return typeof destroy === 'function' && typeof on === 'function';
}

function destroy(stream: NodeStream): void {
  const isRequest = typeof stream.httpVersion === 'string' && typeof stream.method === 'string';
  const isReadable = Symbol.asyncIterator in stream && !('remoteAddress' in stream);
  if (isRequest || !isReadable || stream.readableFlowing === true) return;
  // Nobody else handles an error that it may still emit.
  Reflect.apply(stream.on as () => void, stream, ['error', ignore]);
  Reflect.apply(stream.destroy as () => void, stream, []);
}

/** A list or a map has nothing to close. */
function isOpen(value: object): value is ReadableStream | AsyncGenerator {
  if ('getReader' in value) return !(value as ReadableStream).locked;
  const { next, return: leave } = value as Partial<AsyncGenerator>;
  return typeof next === 'function' && typeof leave === 'function';
}

function ignore(): void {
  // Deliberately empty: nobody waits for what was discarded.
}
