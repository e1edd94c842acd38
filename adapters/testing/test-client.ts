import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import {
  checkOptions,
  type Endpoint,
  type Exchange,
  isEndpoint,
  isLayer,
  type Layer,
  misuse,
  noOptions,
  type OptionNames,
  type Trace,
  within,
} from '../../core/index.js';
import { decodeBody, NativeExchange, type NodeListener, toNode } from '../node/index.js';
import { CookieJar } from './cookie-jar.js';
import { connection } from './in-process.js';
import { knownOfFetch } from './known-options.js';

/** What a client calls: an Express app or any listener of requests, a Koa app, a server of Node's, an endpoint, or a layer. */
export type TestTarget = NodeListener | { callback(): NodeListener } | http.Server | Endpoint | Layer;

export interface TestClientOptions {
  /** Listens on a port of 127.0.0.1 and calls over a socket, where a client speaks to the app in process unless this is set. */
  socket?: boolean;
  /** What urls without a host are relative to, and the `host` that the app sees; `http://localhost` unless set. */
  baseUrl?: string | URL;
  /** Sent with every request that does not name them itself. */
  headers?: Record<string, string>;
  /** Closed with the client: its lifespan is left. A layer that is closed does not begin again, so that a test which closes it makes it, too. */
  layer?: Layer;
  /** What a layer that is tested alone stands around; a 404 unless set. */
  below?: NodeListener | Endpoint;
}

const knownOptions = {
  socket: true,
  baseUrl: true,
  headers: true,
  layer: true,
  below: true,
} satisfies OptionNames<TestClientOptions>;

/** What is made of one request in the app. */
interface Served {
  readonly res: ServerResponse;
  readonly over: Promise<void>;
}

/** The most redirects that are followed, as in Fetch. */
const mostRedirects = 20;

/**
 * Calls an app as a client does, without a port: Fetch in, Fetch out, over Node's own HTTP on both sides.
 *
 * ```ts
 * const client = new TestClient(app);
 * const response = await client.post('/items', { json: { name: 'spoon' } });
 * expect(response.status).toBe(201);
 * await client.settled();
 * expect(client.trace).toEqual(['getDb enter', 'addItem', 'sent 201', 'getDb exit', 'task notify']);
 * await client.close();
 * ```
 *
 * It keeps cookies, and follows redirects unless `redirect` says otherwise. Throws `TEST_TARGET`. Starlette's `TestClient`.
 */
export class TestClient {
  /** What the app has set so far; what is put here is sent. */
  readonly cookies: CookieJar = new CookieJar();
  readonly #server: http.Server;
  readonly #base: URL;
  readonly #headers: Record<string, string>;
  readonly #layer: Layer | undefined;
  readonly #usesSocket: boolean;
  readonly #agent: http.Agent;
  #listening: Promise<void> | undefined;
  /** Whether it was this client that made the server listen. */
  #hasListened = false;
  #served: Served[] = [];
  readonly #steps: string[] = [];
  readonly #tell: () => void;

  constructor(target: TestTarget, options: TestClientOptions = noOptions) {
    checkOptions('new TestClient()', options, knownOptions);
    const { socket = false, baseUrl = 'http://localhost', headers = {}, below, layer } = options;
    this.#server = target instanceof http.Server ? target : http.createServer(listenerOf(target, below));
    this.#base = new URL(baseUrl);
    this.#headers = headers;
    this.#layer = layer;
    this.#usesSocket = socket;
    this.#agent = new http.Agent({ keepAlive: true });
    const watch = (_req: IncomingMessage, res: ServerResponse): void => this.#watch(res);
    this.#server.prependListener('request', watch);
    this.#tell = () => this.#server.off('request', watch);
  }

  /** The steps of all requests so far, in their order, such as `timing before`, `getDb enter`, `sent 200`, `getDb exit`, `task notify`. */
  get trace(): readonly string[] {
    return [...this.#steps];
  }

  /** Forgets the steps so far. */
  clearTrace(): void {
    this.#steps.length = 0;
  }

  get(path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method: 'GET' });
  }

  head(path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method: 'HEAD' });
  }

  post(path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method: 'POST' });
  }

  put(path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method: 'PUT' });
  }

  patch(path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method: 'PATCH' });
  }

  delete(path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method: 'DELETE' });
  }

  /**
   * `fetch` of the platform, to this app. `json` is written as a body of that type. Rejects where the connection fails, and with a `TypeError` as Fetch does for
   * more than 20 redirects and for one where `redirect` is `error`.
   */
  async fetch(input: string | URL | Request, init: TestRequestInit = noOptions): Promise<Response> {
    checkOptions('client.fetch()', init, knownOfRequest);
    const { json, ...rest } = init;
    let request = new Request(
      input instanceof Request ? input : new URL(input, this.#base),
      json === undefined ? { ...(isStream(rest.body) && { duplex: 'half' }), ...rest } : withJSON(rest, json),
    );
    for (const [name, value] of Object.entries(this.#headers))
      if (!request.headers.has(name)) request.headers.set(name, value);
    // What is all there is sent with its length, and again to where a redirect leads; a stream goes out as it comes.
    let content = isStream(rest.body) ? request.body : await bytesOf(request);
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#send(request, content, redirects > 0);
      const location = redirectOf(response);
      if (location === undefined || request.redirect === 'manual') return response;
      if (request.redirect === 'error') throw new TypeError('The app answered with a redirect.');
      if (redirects === mostRedirects) throw new TypeError(`More than ${mostRedirects} redirects.`);
      await response.body?.cancel();
      const next = redirected(request, response.status, new URL(location, request.url));
      if (next.method !== request.method) content = null;
      else if (isStream(content))
        throw new TypeError('A body that is a stream can not be sent again to where a redirect leads.');
      request = next;
    }
  }

  /**
   * Resolves when everything that the requests so far have begun is through: their responses, the exits of their dependencies and their
   * background tasks. Rejects with `NOT_SETTLED`, which names what is not, after `timeoutMs` milliseconds; 5,000 unless set.
   */
  async settled(options: SettledOptions = noOptions): Promise<void> {
    checkOptions('client.settled()', options, knownOfSettled);
    const { timeoutMs = 5_000 } = options;
    const until = performance.now() + timeoutMs;
    // What was waited for may have led to other requests.
    while (this.#served.length > 0) {
      const served = this.#served;
      const left = until - performance.now();
      const isDone = left > 0 && (await within(left, Promise.all(served.map(whenSettled))));
      if (!isDone) throw misuse('NOT_SETTLED', timeoutMs, (await unsettled(served)).join(', '));
      this.#served = this.#served.filter(each => !served.includes(each));
    }
  }

  /**
   * Ends the connections, waits for what the requests have begun, and closes the server where this client has made it listen, and the `layer` that it was given.
   * Rejects as `settled()` does.
   */
  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    try {
      await this.settled();
    } finally {
      this.#tell();
      if (this.#hasListened) await new Promise<void>(resolve => this.#server.close(() => resolve()));
      await this.#layer?.close({ timeoutMs: 1_000 });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #listen(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    this.#hasListened = true;
  }

  #watch(res: ServerResponse): void {
    const trace: Trace = { add: step => this.#steps.push(step) };
    NativeExchange.traceOn(res, trace);
    this.#served.push({ res, over: new Promise(resolve => res.once('close', () => resolve())) });
  }

  async #send(request: Request, content: SentContent, isRedirected: boolean): Promise<Response> {
    const url = new URL(request.url);
    const headers = Object.fromEntries(request.headers);
    headers.host ??= url.host;
    const cookies = this.cookies.header(url);
    if (cookies !== undefined && headers.cookie === undefined) headers.cookie = cookies;
    if (content instanceof Uint8Array) headers['content-length'] = String(content.byteLength);
    const sent = http.request({
      method: request.method,
      path: url.pathname + url.search,
      headers,
      signal: request.signal,
      ...(await this.#way()),
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.once('error', reject);
    });
    // The app may answer before it has read all of it, and close the connection; what it answers is what counts.
    if (isStream(content)) pipeline(Readable.fromWeb(content as WebStream), sent).catch(() => undefined);
    else sent.end(content);
    const received = await answered;
    this.cookies.take(received.headers['set-cookie'] ?? [], url);
    return responseOf(received, request, isRedirected);
  }

  /** To the app: by a port, or by a connection that stays in the process. */
  async #way(): Promise<http.RequestOptions> {
    if (!this.#usesSocket) {
      const { client, server } = connection();
      this.#server.emit('connection', server);
      return { createConnection: () => client };
    }
    this.#listening ??= this.#listen();
    await this.#listening;
    const { port } = this.#server.address() as AddressInfo;
    return { host: '127.0.0.1', port, agent: this.#agent };
  }
}

/** What `fetch` takes, and `json`: data that is sent as JSON. */
export interface TestRequestInit extends RequestInit {
  json?: unknown;
}

const knownOfRequest = {
  ...knownOfFetch,
  ...({ json: true } satisfies OptionNames<Omit<TestRequestInit, keyof RequestInit>>),
};

interface SettledOptions {
  timeoutMs?: number;
}

const knownOfSettled = { timeoutMs: true } satisfies OptionNames<SettledOptions>;

function listenerOf(
  target: Exclude<TestTarget, http.Server>,
  below: TestClientOptions['below'],
): NodeListener {
  if (isEndpoint(target)) return toNode(target);
  if (isLayer(target)) return toNode(target, below === undefined ? notFound : listenerBelow(below));
  if (typeof target === 'function') return target;
  if (typeof target?.callback === 'function') return target.callback();
  throw misuse('TEST_TARGET', target);
}

function listenerBelow(below: NodeListener | Endpoint): NodeListener {
  return isEndpoint(below) ? toNode(below) : below;
}

function notFound(_req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('Not Found');
}

function withJSON(init: RequestInit, json: unknown): RequestInit {
  const headers = new Headers(init.headers);
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  return { ...init, headers, body: JSON.stringify(json) };
}

type SentContent = Uint8Array | ReadableStream<Uint8Array> | null;

function isStream(body: unknown): body is ReadableStream<Uint8Array> {
  return (
    typeof body === 'object' &&
    body !== null &&
    (body instanceof ReadableStream || Symbol.asyncIterator in body)
  );
}

async function bytesOf(request: Request): Promise<Uint8Array | null> {
  return request.body === null ? null : new Uint8Array(await request.arrayBuffer());
}

function redirectOf({ status, headers }: Response): string | undefined {
  return [301, 302, 303, 307, 308].includes(status) ? (headers.get('location') ?? undefined) : undefined;
}

/** Fetch, "HTTP-redirect fetch". */
function redirected(request: Request, status: number, url: URL): Request {
  const isPost = (status === 301 || status === 302) && request.method === 'POST';
  const asGet = isPost || (status === 303 && request.method !== 'GET' && request.method !== 'HEAD');
  const { method, redirect, signal } = request;
  if (!asGet) return new Request(url, { method, headers: request.headers, redirect, signal });
  const headers = new Headers(request.headers);
  for (const name of [
    'content-encoding',
    'content-language',
    'content-location',
    'content-type',
    'content-length',
  ])
    headers.delete(name);
  return new Request(url, { method: 'GET', headers, redirect, signal });
}

function responseOf(received: IncomingMessage, request: Request, isRedirected: boolean): Response {
  const { statusCode: status = 0, statusMessage: statusText = '', rawHeaders } = received;
  const headers = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] as string, rawHeaders[index + 1] as string);
  const isEmpty = request.method === 'HEAD' || [204, 205, 304].includes(status);
  if (isEmpty) received.resume();
  const coding = headers.get('content-encoding');
  const chunks: Readable = coding === null ? received : Readable.from(decodeBody(received, coding));
  const body = isEmpty ? null : (Readable.toWeb(chunks) as unknown as ReadableStream<Uint8Array>);
  const response = new Response(body, { status, statusText, headers });
  return Object.defineProperties(response, {
    url: { value: request.url },
    redirected: { value: isRedirected },
  });
}

async function whenSettled({ res, over }: Served): Promise<void> {
  await over;
  // An endpoint may begin with the exchange when the client has gone.
  await exchangeOf(res)?.whenOver();
}

function exchangeOf(res: ServerResponse): Exchange | undefined {
  return NativeExchange.of(res)?.exchange;
}

async function unsettled(served: readonly Served[]): Promise<string[]> {
  const names = await Promise.all(
    served.map(async each => {
      if (await within(0, whenSettled(each))) return [];
      const { req } = each.res;
      const left = exchangeOf(each.res)?.undone();
      const parts = left ? [...left.responses, ...left.exits, ...left.tasks] : [];
      return parts.length > 0 ? parts : [`${req.method} ${req.url}`];
    }),
  );
  return names.flat();
}
