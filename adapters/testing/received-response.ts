import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import { decodeBody, isDecodable } from '../node/shared.js';
import { inRealTime } from './real-time.js';

/** How many bytes of a redirect's body are read, and for how many milliseconds. */
const mostDropped = 128 * 1024;
const dropPatience = 1_000;

/** A response as Fetch presents it, and the request it answers. */
export interface Received {
  readonly message: IncomingMessage;
  readonly request: Request;
  readonly isRedirected: boolean;
}

/** Whether a response may be endless: an event stream is returned while it arrives. */
export function isEventStream({ headers }: IncomingMessage): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(headers['content-type'] ?? '');
}

/** Returns the response once its head has arrived. */
export function streamed(received: Received): Response {
  const { message } = received;
  if (isEmpty(received)) message.resume();
  const chunks = chunksOf(received);
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(new Uint8Array(value));
      },
      // A pending read would keep the generator from returning.
      cancel: () => void message.destroy(),
    },
    { highWaterMark: 0 },
  );
  return responseOf(received, body);
}

/**
 * Returns the response after its last byte, or after it broke off: then its body rejects after the received
 * bytes.
 */
export async function whole(received: Received): Promise<Response> {
  const parts: Uint8Array[] = [];
  try {
    for await (const part of chunksOf(received)) parts.push(part);
  } catch (error) {
    return responseOf(received, cutAfter(parts, error));
  }
  return responseOf(received, Buffer.concat(parts));
}

/**
 * Returns the response without its body. The app may finish sending a short body; otherwise its connection is
 * cut, as in Fetch.
 */
export async function dropped(received: Received): Promise<Response> {
  const { message } = received;
  let size = 0;
  message.on('data', ({ length }: Buffer) => {
    size += length;
    if (size > mostDropped) message.destroy();
  });
  const isOver = await inRealTime(
    dropPatience,
    finished(message).catch(() => undefined),
  );
  if (!isOver) message.destroy();
  return responseOf(received, null);
}

function isEmpty({ message, request }: Received): boolean {
  return request.method === 'HEAD' || [204, 205, 304].includes(message.statusCode ?? 0);
}

/** The decoded bytes. Once the signal is aborted, reading rejects with its reason. */
async function* chunksOf(received: Received): AsyncGenerator<Uint8Array, void, undefined> {
  const { message, request } = received;
  try {
    yield* isEmpty(received) ? message : decoded(message);
  } catch (error) {
    throw request.signal.aborted ? request.signal.reason : error;
  }
}

/** A body with an unknown coding is not decoded, as in Fetch. */
function decoded(message: IncomingMessage): AsyncIterable<Uint8Array> {
  const coding = message.headers['content-encoding'];
  return coding === undefined || !isDecodable(coding) ? message : decodeBody(message, coding);
}

function cutAfter(parts: readonly Uint8Array[], error: unknown): ReadableStream<Uint8Array> {
  const left = [...parts];
  return new ReadableStream(
    {
      pull(controller) {
        const part = left.shift();
        if (part) controller.enqueue(part);
        else controller.error(error);
      },
    },
    // An error would discard queued chunks.
    { highWaterMark: 0 },
  );
}

function responseOf(received: Received, body: ReadableStream<Uint8Array> | Buffer | null): Response {
  const { request, isRedirected, message } = received;
  const { statusCode: status = 0, statusMessage: statusText = '', rawHeaders } = message;
  const headers = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] as string, rawHeaders[index + 1] as string);
  const content = isEmpty(received) ? null : (body as ConstructorParameters<typeof globalThis.Response>[0]);
  return Object.defineProperties(new Response(content, { status, statusText, headers }), {
    url: { value: request.url },
    redirected: { value: isRedirected },
  });
}
