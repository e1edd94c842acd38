import { STATUS_CODES } from 'node:http';
import {
  addToVary,
  bodyOf,
  type Content,
  contentToSend,
  Headers,
  headOf,
  type Response,
} from '../../../core/adapter.js';
import { flattenHead, makeHead, removeHeader } from '../hold/framing.js';
import { http2Stream } from '../http2-stream.js';
import type { NativeResponse } from '../node-types.js';
import { BodyProducer } from './body-producer.js';
import { Pump, type Writer } from './pump.js';

/** The methods that lead to the wire: the response's own, or those that a hold replaced. */
export type Sink = Pick<NativeResponse, 'writeHead' | 'flushHeaders' | 'write' | 'end' | 'destroy' | 'on'>;

/**
 * Writes one of our responses to a native one. An available body is written at once with its length; a
 * streamed one is pumped as fast as the client reads, and its producer is returned. A producer that throws
 * cuts the connection. `writer` is the hold that writes the response in place of native code.
 */
export function writeResponse(
  response: Response,
  method: string,
  res: NativeResponse,
  sink: Sink = res,
  writer?: Writer,
): BodyProducer | undefined {
  const content = contentToSend(response, method);
  applyHead(response, method, content, res);
  const isAscii = areAscii(response.headers.lines());
  if (!isAscii) putLengthLast(res);
  headOf(response).seal();
  if (isStream(content)) {
    const producer = new BodyProducer(content, declaredLength(response));
    // The head does not wait for the first chunk: an event stream is open before its first event.
    makeHead(res, sink.writeHead, [response.status]);
    flushHead(res, isAscii, sink);
    flattenHead(res);
    new Pump(producer, res, sink, writer).run();
    return producer;
  }
  if (content === null)
    void bodyOf(response)
      .closeUnread()
      ?.catch(() => undefined);
  if (content !== null && http2Stream(res)) {
    // Here `end` writes by the topmost `write`, which may be a foreign one that was ended before.
    sink.writeHead.call(res, response.status);
    sink.write.call(res, content, undefined as never);
    Reflect.apply(sink.end, res, []);
  } else if (content !== null && !isAscii) {
    makeHead(res, sink.writeHead, [response.status]);
    Reflect.apply(sink.end, res, [Buffer.from(content as Uint8Array)]);
  } else makeHead(res, sink.end as (...args: unknown[]) => unknown, content === null ? [] : [content]);
  return undefined;
}

/**
 * Whether headers are ASCII only. Node encodes a head that `end(text)` makes like the text, and breaks a
 * `content-disposition` once it knows the length. A head made earlier, with the length last, is Latin-1.
 */
export function areAscii(lines: ReturnType<Headers['lines']>): boolean {
  for (const [, value] of lines)
    if (typeof value === 'string' ? beyondAscii.test(value) : value.some(line => beyondAscii.test(line)))
      return false;
  return true;
}

const beyondAscii = /[\x80-\xff]/;

/** Sends a finished head. `flushHeaders()` writes it with an empty text, and so encodes it as UTF-8. */
export function flushHead(
  res: NativeResponse,
  isAscii: boolean,
  sink: Pick<Sink, 'flushHeaders' | 'write'> = res,
): void {
  if (isAscii || http2Stream(res)) sink.flushHeaders.call(res);
  else sink.write.call(res, Buffer.alloc(0), undefined as never);
}

export function putLengthLast(res: NativeResponse): void {
  const length = res.getHeader('content-length');
  if (length === undefined) return;
  removeHeader(res, 'content-length');
  res.setHeader('content-length', length);
}

function isStream(content: Content): content is Exclude<Content, null | string | Uint8Array> {
  return content !== null && typeof content === 'object' && !(content instanceof Uint8Array);
}

/** Applies the status and the headers, with the framing that the body needs. */
function applyHead(response: Response, method: string, content: Content, res: NativeResponse): void {
  const { status, statusText } = response;
  res.statusCode = status;
  setReason(res, statusText === '' || statusText === STATUS_CODES[status] ? undefined : statusText);
  for (const [name, value] of response.headers.lines()) {
    if (!(name === 'connection' && http2Stream(res))) res.setHeader(name, besideNative(res, name, value));
  }
  removeHeader(res, 'transfer-encoding');
  const length = method === 'HEAD' ? lengthToHead(response) : lengthOf(content);
  if (length !== undefined) res.setHeader('content-length', length);
  // Node sends no body with 204, but would start one with 205.
  if (status === 204) removeHeader(res, 'content-length');
  if (status === 205) res.setHeader('content-length', 0);
  // Node throws if `trailer` is announced without chunks, which is where trailers would be.
  const isChunked = isStream(content) && !res.hasHeader('content-length') && res.useChunkedEncodingByDefault;
  if (!isChunked && !(http2Stream(res) && content !== null)) removeHeader(res, 'trailer');
}

/**
 * Returns the value of our header on a native response: cookies and names in `vary` are added to those that
 * native code around it set, instead of replacing them.
 */
export function besideNative(
  res: Pick<NativeResponse, 'getHeader'>,
  name: string,
  value: string | readonly string[],
): string | string[] {
  if (name !== 'set-cookie' && name !== 'vary') return value as string | string[];
  const before = res.getHeader(name);
  if (before === undefined) return value as string | string[];
  const lines = [before].flat().map(String);
  if (name === 'set-cookie') return [...lines, ...[value].flat().filter(line => !lines.includes(line))];
  const headers = new Headers([['vary', lines.join(', ')]]);
  addToVary(headers, [value].flat().join(', '));
  return headers.get('vary') ?? '';
}

/**
 * Returns the length that GET would have: the declared one, or that of an available body. A body that native
 * code kept back is empty.
 */
function lengthToHead(response: Response): number | undefined {
  return declaredLength(response) ?? (lengthOf(bodyOf(response).whole) || undefined);
}

/** HTTP/2 has no reason phrases, and Node warns if one is set. */
export function setReason(res: NativeResponse, reason: string | undefined): void {
  if (!http2Stream(res) && res.statusMessage !== reason) res.statusMessage = reason as string;
}

/** Returns the length that an explicit `content-length` promises for a body that is not available yet. */
export function declaredLength(response: Response): number | undefined {
  const declared = response.headers.get('content-length');
  return declared === null ? undefined : Number(declared);
}

function lengthOf(content: Content | undefined): number | undefined {
  if (typeof content === 'string') return Buffer.byteLength(content);
  return content instanceof Uint8Array ? content.byteLength : undefined;
}
