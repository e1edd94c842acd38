import type http from 'node:http';
import net from 'node:net';
import { constants, gunzipSync } from 'node:zlib';
import { Layer, type Middleware } from 'callnext';
import type { NativeCase } from './handlers.js';

export const passing: Middleware = (request, callNext) => callNext(request);
export const delayed: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await new Promise(resolve => setImmediate(resolve));
  return response;
};
export const reading: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await response.arrayBuffer().catch(() => undefined);
  return response;
};

/** Layers that must not change anything, outermost first. */
export const modes: [name: string, layers: Middleware[]][] = [
  ['a layer that passes on', [passing]],
  ['a layer that takes its time', [delayed]],
  ['a layer that reads the body', [reading]],
  ['two layers', [passing, delayed]],
];

/** A layer that does not print what native code does wrong after its answer. */
export const silently = (middleware: Middleware): Layer =>
  new Layer({ middleware: [middleware], onError: () => undefined });

/** A response on the wire: the raw status line and header block, and the body with its framing. */
export interface Recorded {
  readonly informational: string[];
  readonly head: string;
  readonly body: string;
  readonly cut: boolean;
}

/** How many milliseconds without a byte count as no answer. */
const unanswered = 1_000;

/** Sends a raw request on its own connection, and records the whole response. */
export function ask(
  port: number,
  path: string,
  given: Partial<Omit<NativeCase, 'handle'>>,
  more: string[] = [],
): Promise<Recorded> {
  const { method = 'GET', requestHeaders = [], requestBody = '' } = given;
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: test', 'Connection: close', ...requestHeaders, ...more];
  if (requestBody !== '') lines.push(`Content-Length: ${Buffer.byteLength(requestBody)}`);
  return new Promise(resolve => {
    const parts: Buffer[] = [];
    let failed = false;
    const socket = net.connect(port, '127.0.0.1', () =>
      socket.write(`${lines.join('\r\n')}\r\n\r\n${requestBody}`),
    );
    socket.on('data', part => parts.push(part));
    socket.on('error', () => {
      failed = true;
    });
    // Some requests are never answered, with or without a layer.
    socket.setTimeout(unanswered, () => socket.destroy());
    socket.on('close', () => resolve(understood(Buffer.concat(parts).toString('latin1'), method, failed)));
  });
}

function understood(bytes: string, method: string, failed: boolean): Recorded {
  const heads = bytes.split('\r\n\r\n');
  const isFinal = (head: string): boolean => !/^HTTP\/1\.1 1\d\d /.test(head);
  const index = heads.findIndex(isFinal);
  const head = (heads[index] ?? '').replace(/\r\nDate: [^\r]*/i, '');
  const rest = heads.slice(index + 1).join('\r\n\r\n');
  const isChunked = /transfer-encoding: chunked/i.test(head);
  // compression chooses its chunk boundaries itself; compare the content.
  const isCompressed =
    /vary: accept-encoding/i.test(head) && /content-encoding: gzip/i.test(head) && isChunked;
  const body = isCompressed ? `gunzipped: ${gunzipped(rest)}` : rest;
  return {
    informational: heads.slice(0, index),
    head,
    body,
    cut:
      head === '' ||
      (isChunked && method !== 'HEAD' && !/\r?\n?0\r\n(.+\r\n)*\r\n$/.test(bytes)) ||
      (failed && body === ''),
  };
}

function gunzipped(chunked: string): string {
  const parts: string[] = [];
  for (let at = 0; at < chunked.length; ) {
    const end = chunked.indexOf('\r\n', at);
    const length = Number.parseInt(chunked.slice(at, end), 16);
    parts.push(chunked.slice(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
    if (!(length > 0)) break;
  }
  return gunzipSync(Buffer.from(parts.join(''), 'latin1'), { finishFlush: constants.Z_SYNC_FLUSH }).toString(
    'latin1',
  );
}

/** Runs a server during `use`, and then closes it with all its connections. */
export async function serving<T>(
  listener: http.RequestListener,
  use: (port: number) => Promise<T>,
): Promise<T> {
  const { createServer } = await import('node:http');
  const server = createServer(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use((server.address() as net.AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }
}
