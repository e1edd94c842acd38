import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { decodeBody } from '../node/shared.js';

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
  return responseOf(received, Readable.toWeb(decoded(message)) as unknown as ReadableStream<Uint8Array>);
}

/** The response when its last byte is there, or will never be: then its body rejects after what has come. */
export async function whole(received: Received): Promise<Response> {
  const parts: Uint8Array[] = [];
  try {
    const chunks: AsyncIterable<Uint8Array> = isEmpty(received)
      ? received.message
      : decoded(received.message);
    for await (const part of chunks) parts.push(part);
  } catch (error) {
    return responseOf(received, cutAfter(parts, error));
  }
  return responseOf(received, Buffer.concat(parts));
}

function isEmpty({ message, request }: Received): boolean {
  return request.method === 'HEAD' || [204, 205, 304].includes(message.statusCode ?? 0);
}

function decoded(message: IncomingMessage): Readable {
  const coding = message.headers['content-encoding'];
  return coding === undefined ? message : Readable.from(decodeBody(message, coding));
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

function responseOf(received: Received, body: ReadableStream<Uint8Array> | Buffer): Response {
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
