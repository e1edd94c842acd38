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
  /**
   * Listens on a port of 127.0.0.1 and calls over a socket. By default the client calls the app in process.
   */
  socket?: boolean;
  /** The base of urls without a host, and the `host` that the app sees; `http://localhost` by default. */
  baseUrl?: string | URL;
  /** Sent with every request that does not name them itself. */
  headers?: Record<string, string>;
  /**
   * Started before the first call, which rejects as `layer.start()` does, and closed with the client. A
   * closed layer cannot start again: make one for each test.
   */
  layer?: Layer;
  /** What a layer that is tested alone stands around; a 404 by default. */
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
 * It keeps cookies, and follows redirects unless `redirect` says otherwise. Throws `TEST_TARGET`, `OPTIONS`,
 * `UNKNOWN_OPTION` and `OPTION_VALUE`. Starlette's `TestClient`.
 */
export class TestClient {
  /** The cookies that the app has set so far; those that you set are sent. */
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
    checkOption('new TestClient()', 'headers', headers, 'an object of names and texts', areHeaders);
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

  /** Forgets the steps so far, and later steps of requests that have begun. */
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

  /** A request of any method: httpx's `client.request('GET', '/items')`. */
  request(method: string, path: string | URL, init?: TestRequestInit): Promise<Response> {
    return this.fetch(path, { ...init, method });
  }

  /**
   * `fetch` of the platform, to this app. `json` is sent as a JSON body. Resolves when the last byte of the
   * response is there, before the dependencies exit; with `settle` after exits and background tasks; with
   * `stream` when the head is there. Rejects if the connection fails, and with a `TypeError`, as Fetch does,
   * for more than 20 redirects and for a redirect where `redirect` is `error`.
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
   * Resolves when everything that the requests so far have begun is done: their responses, the exits of their
   * dependencies and their background tasks. Rejects with `NOT_SETTLED`, which names what is not, after
   * `timeoutMs` milliseconds; 5,000 by default.
   */
  async settled(options: SettledOptions = noOptions): Promise<void> {
    checkOptions('client.settled()', options, knownOfSettled);
    await this.#watch.settled(options.timeoutMs ?? patience);
  }

  /**
   * Ends the connections, waits for everything that the requests have begun, closes the server if this client
   * made it listen, and closes its `layer`. Calls that are not sent yet, and later calls, reject. Rejects as
   * `settled()` does.
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

  /** Resolves when the caller is to have the response. */
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
