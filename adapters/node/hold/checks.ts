import { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import type { NativeResponse } from '../node-types.js';
import type { Held } from './calls.js';
import { copyOf } from './raw-head.js';
import type { Chunk } from './tape.js';

/** Throws Node's error for a chunk of a wrong type. */
export function refuseChunk(chunk: unknown): void {
  stray().write(chunk as string);
}

/** Throws Node's error for an unknown encoding. */
export function refuseEncoding(encoding: unknown): void {
  new Writable({ write: () => undefined }).write('', encoding as BufferEncoding);
}

/** Stand-ins for responses with `strictContentLength`: Node counts the held bytes on them. */
const counting = new WeakMap<NativeResponse, ServerResponse>();

/** Throws Node's error if a body does not match its strict `content-length`. */
export function checkLength(
  hold: Held,
  method: 'write' | 'end',
  chunk: Chunk | undefined,
  encoding: unknown,
): void {
  const { res } = hold;
  const counter = counting.get(res) ?? counterOf(hold);
  counting.set(res, counter);
  try {
    // An empty chunk does not end the body.
    if (method === 'write' || chunk) counter[method](chunk, encoding as BufferEncoding);
    else counter.end();
  } finally {
    (counter as unknown as { outputData: unknown[] }).outputData = [];
  }
}

function counterOf({ res, head, tape }: Held): ServerResponse {
  const counter = stray(res.req?.method);
  counter.strictContentLength = true;
  // Its errors are thrown to the caller instead.
  counter.on('error', () => undefined);
  for (const name of res.getHeaderNames()) counter.setHeader(name, copyOf(res.getHeader(name)) as string);
  if (tape.origin === 'writeHead') head.writeOn(counter);
  else counter.statusCode = res.statusCode;
  return counter;
}

function stray(method = 'GET'): ServerResponse {
  return new ServerResponse({ method, headers: {} } as never);
}
