import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import {
  checkOption,
  checkOptions,
  type Endpoint,
  type Layer,
  noOptions,
  type OptionNames,
} from '../../core/adapter.js';
import type { NodeListener } from '../node/shared.js';
import { Call } from './call.js';
import { CookieJar } from './cookie-jar.js';
import { listenerOf, type TestTarget } from './listener.js';
import { dropped, isEventStream, streamed, whole } from './received-response.js';
import { follow, isFollowed, redirectOf } from './redirects.js';
import { type Asked, areHeaders, askedBy, type Defaults, type TestRequestInit } from './test-request.js';
import { patience, Watch } from './watch.js';
import { Wire } from './wire.js';

export type { TestRequestInit, TestTarget };

export interface TestClientOptions {
  /** Listens on a port of 127.0.0.1 and uses a socket. By default, the client calls the app in process. */
  socket?: boolean;
  /** The base of relative urls, and the `host` that the app sees; `http://localhost` by default. */
  baseUrl?: string | URL;
  /** Default headers of every request. */
  headers?: Record<string, string>;
  /**
   * A layer that is started before the first call, which rejects if the start fails, and closed with the
   * client. A closed layer cannot start again: create one per test.
   */
  layer?: Layer;
  /** The handler below a layer that is tested alone; a 404 by default. */
  below?: NodeListener | Endpoint;
  /** Whether each call resolves after its exits and background tasks, as in Starlette; `false` by default. */
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

/**
 * Calls an app like a client, without a port, with the Fetch API over Node's own HTTP.
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
 * The client keeps cookies, and follows redirects unless `redirect` forbids it. Throws `TEST_TARGET`,
 * `OPTIONS`, `UNKNOWN_OPTION` and `OPTION_VALUE`. Starlette's `TestClient`.
 */
export class TestClient {
  /** The cookies received so far; cookies that you set are sent. */
  readonly cookies: CookieJar = new CookieJar();
  readonly #wire: Wire;
  readonly #watch = new Watch();
  readonly #defaults: Defaults;
  readonly #layer: Layer | undefined;
  #starting: Promise<void> | undefined;
  readonly #stopWatching: () => void;

  constructor(target: TestTarget, options: TestClientOptions = noOptions) {
    checkOptions('new TestClient()', options, knownOptions);
    const { socket = false, baseUrl = 'http://localhost', headers = {}, settle = false } = options;
    checkOption('new TestClient()', 'headers', headers, 'an object of header names and strings', areHeaders);
    const server =
      target instanceof http.Server ? target : http.createServer(listenerOf(target, options.below));
    this.#defaults = { base: new URL(baseUrl), headers, settle };
    this.#layer = options.layer;
    this.#wire = new Wire(server, socket);
    const watch = (req: IncomingMessage, res: ServerResponse): void =>
      this.#watch.begin(res, this.#wire.callOf(req));
    server.prependListener('request', watch);
    this.#stopWatching = () => server.off('request', watch);
  }

  /**
   * The steps of all requests so far, in order: `timing before`, `getDb enter`, `sent 200`, `getDb exit`,
   * `task notify`.
   */
  get trace(): readonly string[] {
    return this.#watch.steps;
  }

  /** Clears the trace; later steps of requests that have already begun are ignored. */
  clearTrace(): void {
    this.#watch.clear();
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

  /** Sends a request with any method: httpx's `client.request('GET', '/items')`. */
  request(method: string, path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method });
  }

  /**
   * Sends a request to the app, like `fetch`. `json` is sent as a JSON body. Resolves after the last byte of
   * the response, before the dependencies exit; with `settle`, after exits and background tasks; with
   * `stream`, once the head has arrived. Rejects if the connection fails, and with a `TypeError`, as Fetch
   * does, after 20 redirects, or for a redirect if `redirect` is `error`.
   */
  async fetch(input: string | URL | Request, init: TestRequestInit = noOptions): Promise<Response> {
    const first = await askedBy(input, init, this.#defaults);
    this.#starting ??= this.#layer?.start();
    await this.#starting;
    return this.#follow(first);
  }

  /** Sends a request, and those to which it is redirected. */
  async #follow(first: Asked): Promise<Response> {
    let asked = first;
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#send(asked);
      const location = redirectOf(response);
      if (location === undefined || asked.request.redirect === 'manual') return response;
      asked = follow(asked, response.status, location, redirects);
    }
  }

  /**
   * Resolves when all requests so far have finished: responses, exits and background tasks. After `timeoutMs`
   * milliseconds, 5,000 by default, rejects with `NOT_SETTLED`, which names the unfinished work.
   */
  async settled(options: SettledOptions = noOptions): Promise<void> {
    checkOptions('client.settled()', options, knownOfSettled);
    await this.#watch.settled(options.timeoutMs ?? patience);
  }

  /**
   * Ends the connections, waits for all requests to finish, closes the server if this client started it, and
   * closes its `layer`. Unsent and later calls reject. Rejects like `settled()`.
   */
  async close(): Promise<void> {
    this.#wire.cut();
    try {
      await this.settled();
    } finally {
      this.#stopWatching();
      await this.#wire.close();
      await this.#layer?.close({ timeoutMs: 1_000 });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Resolves once the caller may have the response. */
  async #send(asked: Asked): Promise<Response> {
    const call = new Call(this.#watch.cleared);
    try {
      return await this.#receive(asked, call);
    } finally {
      await this.#watch.whenOver(call, asked).finally(() => {
        call.releaseLater();
        this.#wire.forget(call);
      });
    }
  }

  async #receive(asked: Asked, call: Call): Promise<Response> {
    const url = new URL(asked.request.url);
    const message = await this.#wire.send(asked, this.#headersOf(asked, url), call);
    this.cookies.take(message.headers['set-cookie'] ?? [], url);
    const received = { ...asked, message };
    if (isFollowed(asked.request, message)) return dropped(received);
    if (!(asked.stream ?? isEventStream(message))) return whole(received);
    call.isStreamed = true;
    return streamed(received);
  }

  #headersOf({ request, content }: Asked, url: URL): http.OutgoingHttpHeaders {
    const headers: http.OutgoingHttpHeaders = Object.fromEntries(request.headers);
    headers.host ??= url.host;
    headers.cookie ??= this.cookies.header(url);
    if (headers.cookie === undefined) delete headers.cookie;
    if (content instanceof Uint8Array) headers['content-length'] = String(content.byteLength);
    return headers;
  }
}

interface SettledOptions {
  timeoutMs?: number;
}

const knownOfSettled = { timeoutMs: true } satisfies OptionNames<SettledOptions>;
