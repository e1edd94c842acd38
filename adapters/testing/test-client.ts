import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import {
  checkOptions,
  type Endpoint,
  isEndpoint,
  isLayer,
  type Layer,
  misuse,
  noOptions,
  type OptionNames,
} from '../../core/adapter.js';
import { type NodeListener, toNode } from '../node/shared.js';
import { Call } from './call.js';
import { CookieJar } from './cookie-jar.js';
import { connection } from './in-process.js';
import { knownOfFetch } from './known-options.js';
import { inRealTime, now } from './real-time.js';
import { isEventStream, streamed, whole } from './received-response.js';
import { mostRedirects, redirected, redirectOf } from './redirects.js';
import { Served } from './served.js';

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
  /** Whether each call resolves when its exits and background tasks are through, as in Starlette; `false` unless set. */
  settle?: boolean;
}

const knownOptions = {
  socket: true,
  baseUrl: true,
  headers: true,
  layer: true,
  below: true,
  settle: true,
} satisfies OptionNames<TestClientOptions>;

/** How long what comes after a response may take, in milliseconds. */
const patience = 5_000;

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
  readonly #settles: boolean;
  readonly #agent: http.Agent;
  #listening: Promise<void> | undefined;
  /** Whether it was this client that made the server listen. */
  #hasListened = false;
  #served: Served[] = [];
  #steps: string[] = [];
  #cleared = 0;
  /** The calls under way, by the port of their connection, or its end where it stays in the process. */
  readonly #calls = new Map<unknown, Call>();
  /** The connections that stay in the process. */
  readonly #ends = new Set<Duplex>();
  readonly #tell: () => void;

  constructor(target: TestTarget, options: TestClientOptions = noOptions) {
    checkOptions('new TestClient()', options, knownOptions);
    const {
      socket = false,
      baseUrl = 'http://localhost',
      headers = {},
      below,
      layer,
      settle = false,
    } = options;
    this.#server = target instanceof http.Server ? target : http.createServer(listenerOf(target, below));
    this.#base = new URL(baseUrl);
    this.#headers = headers;
    this.#layer = layer;
    this.#usesSocket = socket;
    this.#settles = settle;
    this.#agent = new http.Agent({ keepAlive: true });
    const watch = (req: IncomingMessage, res: ServerResponse): void => this.#watch(req, res);
    this.#server.prependListener('request', watch);
    this.#tell = () => this.#server.off('request', watch);
  }

  /** The steps of all requests so far, in their order, such as `timing before`, `getDb enter`, `sent 200`, `getDb exit`, `task notify`. */
  get trace(): readonly string[] {
    return [...this.#steps];
  }

  /** Forgets the steps so far, and those that are still to come of requests that have begun. */
  clearTrace(): void {
    this.#steps = [];
    this.#cleared += 1;
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

  options(path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method: 'OPTIONS' });
  }

  /** A request of any method: httpx's `client.request('GET', '/items')`. */
  request(method: string, path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method });
  }

  /**
   * `fetch` of the platform, to this app. `json` is written as a body of that type. Resolves when the last byte of the response is there, before the dependencies
   * exit; with `settle` when the exits and the background tasks are through, too; with `stream` when its head is there. Rejects where the connection fails, and with a `TypeError` as Fetch does for
   * more than 20 redirects and for one where `redirect` is `error`.
   */
  async fetch(input: string | URL | Request, init: TestRequestInit = noOptions): Promise<Response> {
    checkOptions('client.fetch()', init, knownOfRequest);
    const { json, settle = this.#settles, stream, ...rest } = init;
    let request = new Request(
      input instanceof Request ? input : new URL(input, this.#base),
      json === undefined ? { ...(isStream(rest.body) && { duplex: 'half' }), ...rest } : withJSON(rest, json),
    );
    for (const [name, value] of Object.entries(this.#headers))
      if (!request.headers.has(name)) request.headers.set(name, value);
    // What is all there is sent with its length, and again to where a redirect leads; a stream goes out as it comes.
    let content = isStream(rest.body) ? request.body : await bytesOf(request);
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#send({ request, content, isRedirected: redirects > 0, settle, stream });
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
    const { timeoutMs = patience } = options;
    const until = now() + timeoutMs;
    // What was waited for may have led to other requests.
    while (this.#served.length > 0) {
      const served = this.#served;
      const left = until - now();
      const isDone =
        left > 0 && (await inRealTime(left, Promise.all(served.map(each => each.whenSettled()))));
      if (!isDone) throw misuse('NOT_SETTLED', timeoutMs, await namesOf(served));
      this.#served = this.#served.filter(each => !served.includes(each));
    }
  }

  /**
   * Ends the connections, waits for what the requests have begun, and closes the server where this client has made it listen, and the `layer` that it was given.
   * Rejects as `settled()` does.
   */
  async close(): Promise<void> {
    this.#agent.destroy();
    for (const end of this.#ends) end.destroy();
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

  #watch({ socket }: IncomingMessage, res: ServerResponse): void {
    const call = this.#calls.get(socket) ?? this.#calls.get(socket.remotePort);
    const cleared = call?.cleared ?? this.#cleared;
    const add = (step: string): void => {
      if (cleared === this.#cleared) this.#steps.push(step);
    };
    const served = new Served(res, call?.received, add);
    this.#served.push(served);
    if (call) call.served = served;
  }

  /** Resolves when the caller is to have the response. */
  async #send(asked: Asked): Promise<Response> {
    const call = new Call(this.#cleared);
    try {
      return await this.#receive(asked, call);
    } finally {
      const isSettled = await whenOver(call, asked).finally(() => this.#forget(call));
      if (isSettled) this.#served = this.#served.filter(each => each !== call.served);
    }
  }

  #forget(call: Call): void {
    call.releaseLater();
    for (const [key, each] of this.#calls) if (each === call) this.#calls.delete(key);
  }

  async #receive(asked: Asked, call: Call): Promise<Response> {
    const message = await this.#answered(asked, call);
    this.cookies.take(message.headers['set-cookie'] ?? [], new URL(asked.request.url));
    if (!(asked.stream ?? isEventStream(message))) return whole({ ...asked, message });
    call.isStreamed = true;
    return streamed({ ...asked, message });
  }

  async #answered({ request, content }: Asked, call: Call): Promise<IncomingMessage> {
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
      ...(await this.#way(call)),
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.once('error', reject);
    });
    if (this.#usesSocket) {
      sent.once('socket', socket => {
        // Node 20 takes its own listener away before the last write fails, where the app has hung up on an upload.
        if (!socket.listeners('error').includes(ignore)) socket.on('error', ignore);
        this.#nameByPort(socket as Socket, call);
      });
    }
    // The app may answer before it has read all of it, and close the connection; what it answers is what counts.
    if (isStream(content)) pipeline(Readable.fromWeb(content as WebStream), sent).catch(() => undefined);
    else sent.end(content);
    return answered;
  }

  /** The port is known when the connection is there, and before the first byte is sent. */
  #nameByPort(socket: Socket, call: Call): void {
    const name = (): void => void this.#calls.set(socket.localPort, call);
    if (socket.connecting) socket.once('connect', name);
    else name();
  }

  /** To the app: by a port, or by a connection that stays in the process. */
  async #way(call: Call): Promise<http.RequestOptions> {
    if (!this.#usesSocket) {
      const { client, server } = connection();
      this.#calls.set(server, call);
      this.#ends.add(client);
      client.once('close', () => this.#ends.delete(client));
      this.#server.emit('connection', server);
      return { createConnection: () => client };
    }
    this.#listening ??= this.#listen();
    await this.#listening;
    const { port } = this.#server.address() as AddressInfo;
    return { host: '127.0.0.1', port, agent: this.#agent };
  }
}

function ignore(): void {
  // The request itself is told of it.
}

/** A request as it is sent. */
interface Asked {
  readonly request: Request;
  readonly content: SentContent;
  readonly isRedirected: boolean;
  readonly settle: boolean;
  readonly stream: boolean | undefined;
}

/** What `fetch` takes, and how long it waits. */
export interface TestRequestInit extends RequestInit {
  /** Data that is sent as JSON. */
  json?: unknown;
  /** Whether it resolves when the exits and background tasks are through; that of the client unless set. */
  settle?: boolean;
  /**
   * Whether it resolves when the head of the response is there, and its body comes as the app sends it: for responses without end. Event
   * streams do, others do not, unless set.
   */
  stream?: boolean;
}

const knownOfRequest = {
  ...knownOfFetch,
  ...({ json: true, settle: true, stream: true } satisfies OptionNames<
    Omit<TestRequestInit, keyof RequestInit>
  >),
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

/**
 * Waits until the app has sent the response, or is through with it. A caller that has broken off waits for nothing.
 * Resolves with whether the app is through. Rejects with `NOT_SETTLED`.
 */
async function whenOver(call: Call, { request, settle }: Asked): Promise<boolean> {
  const { served, isStreamed } = call;
  if (!served || isStreamed || request.signal.aborted) return false;
  await served.whenSent();
  if (!settle) return false;
  call.release();
  if (!(await inRealTime(patience, served.whenSettled())))
    throw misuse('NOT_SETTLED', patience, await namesOf([served]));
  return true;
}

async function namesOf(served: readonly Served[]): Promise<string> {
  const names = await Promise.all(served.map(each => each.unsettled()));
  return names.flat().join(', ');
}
