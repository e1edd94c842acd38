import { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import type { NativeResponse } from '../node-types.js';
import type { Held } from './calls.js';
import { copyOf } from './raw-head.js';
import type { Chunk } from './tape.js';

/** Throws what Node throws for a chunk of a wrong type. */
export function refuseChunk(chunk: unknown): void {
  stray().write(chunk as string);
}

/** Throws what Node throws for an encoding that it does not know. */
export function refuseEncoding(encoding: unknown): void {
  new Writable({ write: () => undefined }).write('', encoding as BufferEncoding);
}

/** Responses that stand in for those with a `strictContentLength`: Node counts on them what is held. */
const counting = new WeakMap<NativeResponse, ServerResponse>();

/** Throws what Node throws where a body is not as long as its strict `content-length`. */
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
    // An empty chunk is no end.
    if (method === 'write' || chunk) counter[method](chunk, encoding as BufferEncoding);
    else counter.end();
  } finally {
    (counter as unknown as { outputData: unknown[] }).outputData = [];
  }
}

function counterOf({ res, head, tape }: Held): ServerResponse {
  const counter = stray(res.req?.method);
  counter.strictContentLength = true;
  // What it refuses is thrown where it is called.
  counter.on('error', () => undefined);
  for (const name of res.getHeaderNames()) counter.setHeader(name, copyOf(res.getHeader(name)) as string);
  if (tape.origin === 'writeHead') head.writeOn(counter);
  else counter.statusCode = res.statusCode;
  return counter;
}

function stray(method = 'GET'): ServerResponse {
  return new ServerResponse({ method, headers: {} } as never);
}
