import { Readable } from 'node:stream';
import { http2Stream } from '../http2-stream.js';
import type { RequestInternals as Internals, NativeRequest } from '../node-types.js';
import { setImmediate } from '../turns.js';

/** RFC 9113, 7. */
const internalError = 2;

/** Whether native code reads the request by its events. */
export function hasReader(req: NativeRequest): boolean {
  return req.listenerCount('data') > 0 || req.listenerCount('readable') > 0;
}

export function define(req: NativeRequest, name: string, value: unknown): void {
  Object.defineProperty(req, name, { value, configurable: true, writable: true });
}

/**
 * Turns a request into an unread stream of these chunks. If they fail, `failed` receives whether anything
 * listens for errors; without `failed`, the connection is then cut if nothing does.
 */
export function refill(
  given: NativeRequest,
  chunks: AsyncIterator<Uint8Array>,
  failed?: (isTold: boolean) => void,
): void {
  const req = given as Internals;
  const { readableHighWaterMark: highWaterMark, readableFlowing } = req;
  const { ReadableState } = Readable as unknown as {
    ReadableState: new (options: object, stream: unknown, isDuplex: boolean) => object;
  };
  // The previous stream, if it saw its end, would go on and destroy the new one.
  req._readableState.autoDestroy = false;
  Reflect.set(req, '_readableState', new ReadableState({ highWaterMark, autoDestroy: false }, req, false));
  if (!http2Stream(req)) req.once('end', () => closeAfterEnd(req));
  // Without a tap there was no body, and its end is still to come.
  if (!Object.hasOwn(req, 'push')) define(req, 'push', () => true);
  const give = (chunk: unknown): boolean => Reflect.apply(Readable.prototype.push, req, [chunk]);
  define(req, '_read', () => {
    chunks.next().then(
      ({ value, done }) => give(done ? null : asBuffer(value)),
      error => failRead(req, error, () => give(null), failed),
    );
  });
  if (readableFlowing === false) req.pause();
  else if (readableFlowing) req.resume();
}

/**
 * Closes a request that has ended. Destroying it while its response is being sent would cut the connection.
 */
function closeAfterEnd(req: Internals): void {
  if (req.complete) req.destroy();
  else if (req.res?.writableFinished) closeQuietly(req);
  else req.res?.once('finish', () => closeQuietly(req));
}

function closeQuietly(req: Internals): void {
  if (req.closed) return;
  Object.assign(req._readableState, { destroyed: true, closed: true, closeEmitted: true });
  req.emit('close');
}

/** Fails a request as Node does: by an error, by no end for its readers, and by its close. */
function failRead(
  req: Internals,
  error: Error,
  end: () => void,
  failed: ((isTold: boolean) => void) | undefined,
): void {
  const isTold = req.listenerCount('error') > 0;
  failed?.(isTold);
  if (isTold) req.emit('error', error);
  else if (hasReader(req) && !failed) return cutOff(req, error);
  // A listener that stops reading on the error may wait for the end before it answers, as body-parser does.
  if (!hasReader(req)) end();
  setImmediate(() => closeQuietly(req));
}

/**
 * Ends the connection, or the HTTP/2 stream, if the error of its request has no listener and would be thrown.
 */
function cutOff(req: Internals, error: Error): void {
  const stream = http2Stream(req);
  if (stream) stream.close(internalError);
  else req.destroy(error);
}

export function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

export function asBytes(chunk: Uint8Array | string, encoding?: BufferEncoding): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

/** Returns a body that only fails with this error. */
export function failing(error: Error): AsyncIterator<never> {
  return { next: () => Promise.reject(error) };
}
