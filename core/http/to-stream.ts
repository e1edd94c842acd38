import { type Bytes, type Chunk, toBytes } from './body-source.js';

export function toStream(chunks: AsyncIterator<Chunk, unknown>): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(toBytes(value as Chunk) as Bytes);
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    // Nothing is pulled before the first read, so that an unread `response.body` leaves the native stream
    // alone.
    { highWaterMark: 0 },
  );
}

/** Yields a single chunk. */
export async function* once(chunk: Chunk): AsyncGenerator<Chunk, void, unknown> {
  yield chunk;
}
