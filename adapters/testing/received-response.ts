import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import { decodeBody, isDecodable } from '../node/shared.js';
import { inRealTime } from './real-time.js';

/** How much of the body of a redirect is read, in bytes, and for how long, in milliseconds. */
const mostDropped = 128 * 1024;
const dropPatience = 1_000;

/** The response of a request as Fetch has it, and where it came from. */
export interface Received {
  readonly message: IncomingMessage;
  readonly request: Request;
  readonly isRedirected: boolean;
}

/** Whether a response may have no end: what streams events is given to the caller as it comes. */
export function isEventStream({ headers }: IncomingMessage): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(headers['content-type'] ?? '');
}

/** The response as soon as its head is there. */
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
      // A read that is under way would keep the generator from returning.
      cancel: () => void message.destroy(),
    },
    { highWaterMark: 0 },
  );
  return responseOf(received, body);
}

/**
 * The response when its last byte is there, or never will be: then its body rejects after the bytes that
 * came.
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
 * The response without its body. Its app may send the rest of a short one, and is cut off otherwise, as by
 * Fetch.
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

/** The decoded bytes. Reading them rejects with the reason of the signal once that is aborted. */
async function* chunksOf(received: Received): AsyncGenerator<Uint8Array, void, undefined> {
  const { message, request } = received;
  try {
    yield* isEmpty(received) ? message : decoded(message);
  } catch (error) {
    throw request.signal.aborted ? request.signal.reason : error;
  }
}

/** A body with an unknown coding stays as it came, as in Fetch. */
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
    // An error takes what is queued along.
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
