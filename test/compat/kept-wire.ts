import net from 'node:net';

/** A request: its first line, its headers, an empty line, and its body. */
export type Asked = string | readonly string[];

export interface Answer {
  readonly informational: readonly string[];
  readonly head: readonly string[];
  /** The body with its framing. */
  readonly raw: string;
  readonly body: string;
  /** The state of the connection afterwards. */
  readonly connection: 'kept' | 'ended' | 'cut' | 'silent';
}

/** How many milliseconds without a byte count as silence. */
const unanswered = 700;

/** A client that keeps its connection as long as the server does. */
export class Wire {
  readonly #port: number;
  #socket: net.Socket | undefined;
  #bytes = '';
  #isEnded = false;
  #notify: () => void = () => undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async ask(asked: Asked): Promise<Answer> {
    const [first = '', ...rest] = typeof asked === 'string' ? [asked] : asked;
    const gap = rest.indexOf('');
    const headers = gap < 0 ? rest : rest.slice(0, gap);
    const body = gap < 0 ? '' : rest.slice(gap + 1).join('\r\n');
    const framing =
      gap < 0 || headers.some(line => /^transfer-encoding/i.test(line))
        ? []
        : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`];
    const host = headers.some(line => /^host:/i.test(line)) ? [] : ['Host: example.test'];
    const socket = await this.#connected();
    const head = [`${first} HTTP/1.1`, ...host, ...headers, ...framing].join('\r\n');
    socket.write(Buffer.from(`${head}\r\n\r\n${body}`, 'latin1'));
    return this.#answer(first.startsWith('HEAD '));
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (!socket || this.#isEnded) return;
    const closed = new Promise(resolve => socket.once('close', resolve));
    socket.end();
    await closed;
  }

  async #connected(): Promise<net.Socket> {
    if (this.#socket && !this.#isEnded) return this.#socket;
    this.#bytes = '';
    this.#isEnded = false;
    const socket = net.connect(this.#port, '127.0.0.1');
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', part => {
      this.#bytes += part;
      this.#notify();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isEnded = true;
      this.#notify();
    });
    await new Promise(resolve => socket.once('connect', resolve));
    return socket;
  }

  async #answer(isHead: boolean): Promise<Answer> {
    for (;;) {
      const understood = understand(this.#bytes, isHead, this.#isEnded);
      if (understood) {
        const { length, ...answer } = understood;
        this.#bytes = this.#bytes.slice(length);
        if (answer.connection === 'ended') await this.#ended();
        return answer;
      }
      if (!(await this.#more())) {
        this.#socket?.destroy();
        this.#isEnded = true;
        return { informational: [], head: [], raw: this.#bytes, body: '', connection: 'silent' };
      }
    }
  }

  /** If the server announced a close, waits for it before the next request. */
  async #ended(): Promise<void> {
    while (!this.#isEnded && (await this.#more()));
    this.#socket?.destroy();
    this.#isEnded = true;
  }

  #more(): Promise<boolean> {
    return new Promise(resolve => {
      const timer = setTimeout(() => resolve(false), unanswered);
      this.#notify = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

/** The answer at the start of the bytes, once it is complete. */
function understand(
  bytes: string,
  isHead: boolean,
  isEnded: boolean,
): (Answer & { length: number }) | undefined {
  const informational: string[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) return isEnded ? cutShort(bytes, informational) : undefined;
    const head = bytes.slice(at, end);
    at = end + 4;
    if (!/^HTTP\/1\.1 1(?!01)/.test(head))
      return finish(head.split('\r\n'), at, bytes, { isHead, isEnded, informational });
    informational.push(head);
  }
}

interface Around {
  readonly isHead: boolean;
  readonly isEnded: boolean;
  readonly informational: readonly string[];
}

function finish(
  lines: string[],
  at: number,
  bytes: string,
  around: Around,
): (Answer & { length: number }) | undefined {
  const { isHead, isEnded, informational } = around;
  const [status = ''] = lines;
  const head = lines.filter(line => !/^date:/i.test(line));
  const rest = bytes.slice(at);
  const done = (raw: string, body: string, isCut = false): Answer & { length: number } => ({
    informational,
    head,
    raw,
    body,
    connection: isCut ? 'cut' : lines.some(line => /^connection: close$/i.test(line)) ? 'ended' : 'kept',
    length: at + raw.length,
  });
  if (isHead || /^HTTP\/1\.1 (204|304) /.test(status)) return done('', '');
  if (lines.some(line => /^transfer-encoding: chunked$/i.test(line))) {
    const chunked = unchunk(rest);
    if (chunked) return done(chunked.raw, chunked.body);
    return isEnded ? done(rest, rest, true) : undefined;
  }
  const length = lines.find(line => /^content-length:/i.test(line))?.slice('content-length:'.length);
  if (length === undefined) return isEnded ? done(rest, rest) : undefined;
  if (rest.length < Number(length)) return isEnded ? done(rest, rest, true) : undefined;
  const body = rest.slice(0, Number(length));
  return done(body, body);
}

function cutShort(bytes: string, informational: readonly string[]): Answer & { length: number } {
  return { informational, head: [], raw: bytes, body: '', connection: 'cut', length: bytes.length };
}

/** A chunked body with and without its framing, once its last chunk and trailers have arrived. */
function unchunk(bytes: string): { raw: string; body: string } | undefined {
  let body = '';
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const length = Number.parseInt(bytes.slice(at, line), 16);
    at = line + 2;
    if (length === 0) {
      const end = bytes.startsWith('\r\n', at) ? at + 2 : bytes.indexOf('\r\n\r\n', at) + 4;
      return end < at + 2 || end > bytes.length ? undefined : { raw: bytes.slice(0, end), body };
    }
    body += bytes.slice(at, at + length);
    at += length + 2;
  }
}
