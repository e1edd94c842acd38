import net from 'node:net';
import type { Sent } from './raw-request.js';

/** One answer, delimited by its own framing. */
export interface RawResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
}

/** How many milliseconds until a connection counts as hanging, ten times what any takes. */
const patience = 10_000;

/** Sends on its own connection. Resolves with all bytes received, and whether the connection hung. */
export function exchange(port: number, { text, leaves }: Sent): Promise<{ bytes: Buffer; hangs: boolean }> {
  return new Promise(resolve => {
    const bytes = Buffer.from(text, 'latin1');
    const parts: Buffer[] = [];
    let hangs = false;
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      if (leaves === 'ends') socket.end(bytes);
      else
        socket.write(bytes.subarray(0, Math.floor((bytes.length * leaves) / 100)), () =>
          socket.resetAndDestroy(),
        );
    });
    const timer = setTimeout(() => {
      hangs = true;
      socket.destroy();
    }, patience);
    socket.on('data', part => parts.push(part));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve({ bytes: Buffer.concat(parts), hangs });
    });
  });
}

/** Removes the `date` header. */
export function withoutDates(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/\r\nDate: [^\r]*/g, '');
}

const line = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Parses answers by their own framing: the next head begins after the last byte of an answer. Throws if the
 * bytes are not HTTP.
 */
export function parseResponses(bytes: Buffer, methods: readonly string[]): RawResponse[] {
  const found: RawResponse[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`not a head: ${JSON.stringify(rest.toString('latin1').slice(0, 200))}`);
    const [first = '', ...lines] = rest.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    if (!status) throw new Error(`not a status line: ${JSON.stringify(first.slice(0, 200))}`);
    rest = rest.subarray(end + 4);
    if (status < 200) continue;
    const headers = headersOf(lines);
    const isBodiless = status === 204 || status === 304 || methods[found.length] === 'HEAD';
    const body = isBodiless ? { body: rest.subarray(0, 0), rest } : readBody(rest, headers);
    found.push({ status, headers, body: body.body });
    rest = body.rest;
  }
  return found;
}

function headersOf(lines: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const text of lines) {
    const [, name, value = ''] = line.exec(text) ?? [];
    if (name === undefined) throw new Error(`not a header: ${JSON.stringify(text)}`);
    found.set(name.toLowerCase(), [...(found.get(name.toLowerCase()) ?? []), value]);
  }
  return found;
}

function readBody(
  bytes: Buffer,
  headers: ReadonlyMap<string, readonly string[]>,
): { body: Buffer; rest: Buffer } {
  if (headers.get('transfer-encoding')?.includes('chunked')) return readChunks(bytes);
  const length = headers.get('content-length');
  if (length === undefined) return { body: bytes, rest: bytes.subarray(bytes.length) };
  if (length.length > 1) throw new Error(`two lengths: ${length.join(', ')}`);
  const size = Number(length[0]);
  if (bytes.length < size) throw new Error(`a body of ${bytes.length} bytes for a length of ${size}`);
  return { body: bytes.subarray(0, size), rest: bytes.subarray(size) };
}

function readChunks(bytes: Buffer): { body: Buffer; rest: Buffer } {
  const parts: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf('\r\n');
    const text = rest.toString('latin1', 0, Math.max(end, 0));
    if (!/^[0-9a-f]+$/i.test(text))
      throw new Error(`not the length of a chunk: ${JSON.stringify(text.slice(0, 50))}`);
    const size = Number.parseInt(text, 16);
    const from = end + 2;
    if (size === 0)
      return { body: Buffer.concat(parts), rest: rest.subarray(rest.indexOf('\r\n\r\n', end) + 4) };
    if (rest.toString('latin1', from + size, from + size + 2) !== '\r\n')
      throw new Error('a chunk without its end');
    parts.push(rest.subarray(from, from + size));
    rest = rest.subarray(from + size + 2);
  }
}
