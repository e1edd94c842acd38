import net from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Asked } from './ask.js';
import { unchunked } from './wire.js';

/** A response on the wire. `cut`: the connection ended within it. `hangs`: nothing arrived for 3 s. */
export interface Answered {
  readonly status: number | 'cut' | 'hangs';
  /** Every byte except the `date` header. */
  readonly raw: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded, without chunks and gzip. */
  readonly text: string;
}

/** How many milliseconds until a request counts as hanging. */
const bound = 3_000;

/** A raw connection that sends one request after the other and reads every byte of the answers. */
export class Connection {
  readonly socket: net.Socket;
  #bytes = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('data', chunk => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => this.#wake());
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  /** Sends a request or its beginning. */
  send({ method = 'GET', path = '/', headers = {}, body }: Asked): void {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const all = Object.entries({ host: 'app.test', ...length, ...headers });
    const head = [`${method} ${path} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`)];
    this.socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body ?? '')]));
  }

  /** Sends a request and reads its response. */
  async ask(asked: Asked): Promise<Answered> {
    this.send(asked);
    const until = Date.now() + bound;
    for (;;) {
      const length = lengthOf(this.#bytes, asked.method === 'HEAD');
      const raw = this.#bytes.subarray(0, length).toString('latin1');
      if (length !== undefined) {
        this.#bytes = this.#bytes.subarray(length);
        return parsed(raw);
      }
      if (this.isClosed || Date.now() > until)
        return { ...parsed(raw), status: this.isClosed ? 'cut' : 'hangs' };
      await this.more(until - Date.now());
    }
  }

  /** Resolves when data has arrived, or after a timeout. */
  async more(milliseconds = bound): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The length of the response at the start of the bytes, once it is complete. */
function lengthOf(bytes: Buffer, isHead: boolean): number | undefined {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  if (end < 4) return undefined;
  const head = bytes.subarray(0, end).toString('latin1');
  if (isHead || /^HTTP\/1\.1 (?:204|304) /.test(head)) return end;
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(head)) return endOfChunks(bytes, end);
  const length = end + Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1]);
  return bytes.length >= length ? length : undefined;
}

function endOfChunks(bytes: Buffer, start: number): number | undefined {
  for (let at = start; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    at = line + 2 + size + 2;
    if (bytes.length < at) return undefined;
    if (size === 0) return at;
  }
}

function parsed(bytes: string): Answered {
  const raw = bytes.replace(/\r\nDate: [^\r]*/i, '');
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw.slice(0, end).split('\r\n').slice(1);
  const headers = Object.fromEntries(lines.map(line => line.toLowerCase().split(': ', 2)));
  const body = raw.slice(end + 4);
  const whole = headers['transfer-encoding'] === 'chunked' ? unchunked(body) : body;
  const buffer = Buffer.from(whole, 'latin1');
  const isCoded = headers['content-encoding'] === 'gzip' && buffer.length > 0;
  const text = (isCoded && bytes.endsWith('\r\n\r\n') ? gunzipSync(buffer) : buffer).toString();
  return { status: Number(raw.slice(9, 12)), raw, headers, text };
}
