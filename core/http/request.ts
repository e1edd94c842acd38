import { misuse } from '../errors.js';
import { Body, formDataOf } from './body.js';
import type { Content } from './body-source.js';
import { Headers, type HeadersInit } from './headers.js';

/** The peer of a connection. */
export interface Client {
  readonly host: string;
  readonly port: number;
}

/** Where a request comes from: the port that an adapter implements. Each member is read when a user reads it, not before. */
export interface RequestSource {
  readonly method: string;
  /** Absolute: scheme, host, path and query as the client asked for them. */
  readonly url: string;
  readonly headers: Headers;
  /** The native objects, such as `{ req, res }` or Koa's `ctx`. */
  readonly raw: unknown;
  readonly client: Client | null;
  readonly pathParams: Readonly<Record<string, string>>;
  /** Aborts when the client goes away before it has its response. */
  readonly signal: AbortSignal;
  /** The body as it arrives. Throws `BODY_CONSUMED` where somebody else has read it. */
  body(): Content;
  /** What a body parser made of the body, where one came first. */
  parsedBody(): { value: unknown } | undefined;
}

/** What of a request may be changed for everything below. */
export interface RequestInit {
  method?: string;
  url?: string | URL;
  headers?: HeadersInit;
}

type NativeRequest = globalThis.Request;
const brand = Symbol.for('callnext.Request');
const parts = Symbol.for('callnext.Request.parts');
const matched = Symbol.for('callnext.Request.matched');
const errorHeaders = Symbol.for('callnext.Request.errorHeaders');

/** The `errorHeaders` of a request and of those that are made of it; made when they are asked for. */
interface ErrorHeaders {
  current: Headers | undefined;
}

interface RequestParts<State> {
  readonly source: RequestSource;
  readonly body: Body;
  readonly state: State;
  readonly errorHeaders: ErrorHeaders;
  readonly pathParams: Readonly<Record<string, string>> | undefined;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: Headers | undefined;
}

/**
 * A request: the interface of the Fetch `Request`, and `pathParams queryParams client state raw native`. Nothing is built
 * until it is read.
 *
 * `new Request(request, { headers })` is the same request with other headers; given to `callNext`, everything below sees it.
 */
export class Request<State extends object = Record<string, unknown>> {
  /** Values that middleware, dependencies and endpoint share for this request. */
  readonly state: State;
  readonly #source: RequestSource;
  readonly #body: Body;
  readonly #errorHeaders: ErrorHeaders;
  #method: string | undefined;
  #url: string | undefined;
  #headers: Headers | undefined;
  #query: URLSearchParams | undefined;
  #pathParams: Readonly<Record<string, string>> | undefined;
  #native: NativeRequest | undefined;

  constructor(from: Request<State> | RequestSource, init: RequestInit = {}) {
    if (isOurRequest(from)) {
      const base = (from as Request<State>)[parts]();
      this.#source = base.source;
      this.#body = base.body;
      this.state = base.state;
      this.#errorHeaders = base.errorHeaders;
      this.#pathParams = base.pathParams;
      this.#method = base.method;
      this.#url = base.url;
      this.#headers = base.headers;
    } else {
      const source = from as RequestSource;
      this.#source = source;
      this.#body = new Body(() => source.body(), 'request', false);
      this.state = {} as State;
      this.#errorHeaders = { current: undefined };
    }
    if (init.method !== undefined) this.#method = init.method.toUpperCase();
    if (init.url !== undefined) this.#url = new URL(init.url, this.url).href;
    if (init.headers !== undefined) this.#headers = new Headers(init.headers);
  }

  get method(): string {
    return this.#method ?? this.#source.method;
  }

  get url(): string {
    this.#url ??= this.#source.url;
    return this.#url;
  }

  get headers(): Headers {
    this.#headers ??= this.#source.headers;
    return this.#headers;
  }

  /** Aborts when the client goes away before it has its response. */
  get signal(): AbortSignal {
    return this.#source.signal;
  }

  /**
   * Headers for the response that is made where an exception has left the middleware: by a handler for `Error` or 500, or
   * by the framework's own error page. No after-code sees that response. It gets those that it does not name; cookies and `vary`
   * are added to its own, and what frames a body is left out.
   *
   * ```ts
   * async function cors(request, callNext) {
   *   request.errorHeaders.set('access-control-allow-origin', '*');
   *   const response = await callNext(request);
   *   response.headers.set('access-control-allow-origin', '*');
   *   return response;
   * }
   * ```
   *
   * In FastAPI a 500 has none of the middleware's headers (fastapi#775).
   */
  get errorHeaders(): Headers {
    this.#errorHeaders.current ??= new Headers();
    return this.#errorHeaders.current;
  }

  /** The native objects: `{ req, res }` on Express, `ctx` on Koa. */
  get raw(): unknown {
    return this.#source.raw;
  }

  get client(): Client | null {
    return this.#source.client;
  }

  /** The parameters of the route that matched; in a middleware before `callNext`, those of the layer's own path. */
  get pathParams(): Readonly<Record<string, string>> {
    return this.#pathParams ?? this.#source.pathParams;
  }

  get queryParams(): URLSearchParams {
    this.#query ??= new URL(this.url).searchParams;
    return this.#query;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return hasBody(this.method) ? this.#body.stream() : null;
  }

  get bodyUsed(): boolean {
    return this.#body.used;
  }

  /** The body as JSON: of the bytes, or what a body parser made of them. Throws a `SyntaxError` for what is no JSON. */
  async json(): Promise<unknown> {
    const parsed = this.#source.parsedBody();
    if (!parsed) return JSON.parse(await this.#body.text());
    if (typeof parsed.value === 'string') return JSON.parse(parsed.value);
    if (parsed.value instanceof Uint8Array) return JSON.parse(new TextDecoder().decode(parsed.value));
    return parsed.value;
  }

  async text(): Promise<string> {
    const kept = this.#keptByParser('text');
    return kept ? new TextDecoder().decode(kept) : this.#body.text();
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(this.#keptByParser('bytes') ?? (await this.#body.bytes()));
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = this.#keptByParser('arrayBuffer') ?? (await this.#body.bytes());
    return new Uint8Array(bytes).buffer;
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.arrayBuffer()], { type: this.headers.get('content-type') ?? '' });
  }

  async formData(): Promise<FormData> {
    return formDataOf(await this.arrayBuffer(), this.headers.get('content-type'));
  }

  /** The same request: its body may be read by both. */
  clone(): Request<State> {
    return new Request<State>(this);
  }

  /** A Fetch `Request` of the platform, for libraries that need a real one. Built once. */
  get native(): NativeRequest {
    this.#native ??= new globalThis.Request(this.url, {
      method: this.method,
      headers: [...this.headers],
      body: this.body,
      signal: this.signal,
      duplex: 'half',
    } as globalThis.RequestInit);
    return this.#native;
  }

  get cache(): NativeRequest['cache'] {
    return this.native.cache;
  }

  get credentials(): NativeRequest['credentials'] {
    return this.native.credentials;
  }

  get destination(): NativeRequest['destination'] {
    return this.native.destination;
  }

  get duplex(): 'half' {
    return 'half';
  }

  get integrity(): string {
    return this.native.integrity;
  }

  get keepalive(): boolean {
    return this.native.keepalive;
  }

  get mode(): NativeRequest['mode'] {
    return this.native.mode;
  }

  get redirect(): NativeRequest['redirect'] {
    return this.native.redirect;
  }

  get referrer(): string {
    return this.native.referrer;
  }

  get referrerPolicy(): NativeRequest['referrerPolicy'] {
    return this.native.referrerPolicy;
  }

  get [Symbol.toStringTag](): string {
    return 'Request';
  }

  get [brand](): true {
    return true;
  }

  /** What a request that is made of this one takes over. By symbol, so that two copies of the package understand each other. */
  [parts](): RequestParts<State> {
    return {
      source: this.#source,
      body: this.#body,
      state: this.state,
      errorHeaders: this.#errorHeaders,
      pathParams: this.#pathParams,
      method: this.#method,
      url: this.#url,
      headers: this.#headers,
    };
  }

  /** The route that matched below is what the middlewares further out see too, as Starlette's shared scope has it. */
  [matched](pathParams: Readonly<Record<string, string>>): void {
    this.#pathParams = pathParams;
  }

  /** The `errorHeaders`, if somebody has asked for them. Internal. */
  get [errorHeaders](): Headers | undefined {
    return this.#errorHeaders.current;
  }

  #keptByParser(reader: string): Uint8Array | undefined {
    const parsed = this.#source.parsedBody();
    if (!parsed) return undefined;
    if (parsed.value instanceof Uint8Array) return parsed.value;
    if (typeof parsed.value === 'string') return new TextEncoder().encode(parsed.value);
    throw misuse('BODY_PARSED', reader);
  }
}

// `instanceof globalThis.Request` holds without building a native one.
Object.setPrototypeOf(Request.prototype, globalThis.Request.prototype);

function hasBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** Whether a value is a request of callnext, of this copy of the package or of another one. */
export function isOurRequest(value: unknown): value is Request {
  return typeof value === 'object' && value !== null && brand in value;
}

/** Gives a request the parameters of the route that matched. */
export function matchRoute(request: Request, pathParams: Readonly<Record<string, string>>): void {
  request[matched](pathParams);
}

/** The headers that the response to an exception of this request is to have, if there are any. */
export function errorHeadersOf(request: Request): Headers | undefined {
  return request[errorHeaders];
}

/** What `callNext` was given, as a request of ours: ours as it is, a Fetch request as a change of `current`. */
export function changedRequest(current: Request, given: unknown): Request {
  if (given === current || given === undefined) return current;
  if (isOurRequest(given)) return given;
  if (!(given instanceof globalThis.Request)) throw misuse('REQUEST_EXPECTED', given);
  if (given !== current.native && given.body !== null) throw misuse('CHANGED_BODY');
  return new Request(current, { method: given.method, url: given.url, headers: given.headers });
}
