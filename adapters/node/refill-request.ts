import { Readable } from 'node:stream';
import type { RequestInternals as Internals, NativeRequest } from './node-types.js';

/** Whether native code listens to what arrives. */
export function hasReader(req: NativeRequest): boolean {
  return req.listenerCount('data') > 0 || req.listenerCount('readable') > 0;
}

export function define(req: NativeRequest, name: string, value: unknown): void {
  Object.defineProperty(req, name, { value, configurable: true, writable: true });
}

/** A stream that has not been read, and gives these chunks to whoever reads it. */
export function refill(given: NativeRequest, chunks: AsyncIterator<Uint8Array | string>): void {
  const req = given as Internals;
  const { readableHighWaterMark: highWaterMark, readableFlowing } = req;
  const { ReadableState } = Readable as unknown as {
    ReadableState: new (options: object, stream: unknown, isDuplex: boolean) => object;
  };
  // Where this is told of its end, the stream before would go on to destroy what is the new one by then.
  req._readableState.autoDestroy = false;
  Reflect.set(req, '_readableState', new ReadableState({ highWaterMark, autoDestroy: false }, req, false));
  // The request itself may still be on its way, and destroying it before would cut the connection.
  req.once('end', () => {
    if (req.complete) req.destroy();
  });
  // Without a tap there was no body, and its end is still to come.
  if (!Object.hasOwn(req, 'push')) define(req, 'push', () => true);
  const give = (chunk: unknown): boolean => Reflect.apply(Readable.prototype.push, req, [chunk]);
  define(req, '_read', () => {
    chunks.next().then(
      ({ value, done }) => give(done ? null : asBuffer(value)),
      error => failRead(req, error, () => give(null)),
    );
  });
  if (readableFlowing === false) req.pause();
  else if (readableFlowing) req.resume();
}

/** As Node tells of a request that fails: by an error, and by no end for those who read. */
function failRead(req: NativeRequest, error: Error, end: () => void): void {
  if (req.listenerCount('error') > 0) req.emit('error', error);
  else if (hasReader(req)) return void req.destroy(error);
  // Who has let go on the error may wait for the end before it answers, as body-parser does.
  if (!hasReader(req)) end();
}

function asBuffer(chunk: Uint8Array | string): Buffer {
  return typeof chunk === 'string'
    ? Buffer.from(chunk)
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
