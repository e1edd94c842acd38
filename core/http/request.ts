import { misuse } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';
import { type Body, contentTooLarge } from './body.js';
import { type BodySource, type Bytes, contentOf, isChunk, toBytes } from './body-source.js';
import { cookiesOf } from './cookies.js';
import type { FormOptions } from './form.js';
import { Headers, type HeadersInit, ofFraming } from './headers.js';
import { HTTPException } from './http-exception.js';
import { pathParamsOf, type RouterParams } from './path-params.js';
import { actAs, isOfPlatform } from './platform.js';
import { RequestBody } from './request-body.js';
import type { Client, RequestSource } from './request-source.js';
import type { Auth, Session, Shared, User } from './shared.js';

/** What of a request may be changed for everything below. */
export interface RequestInit {
  method?: string;
  url?: string | URL;
  headers?: HeadersInit;
  /** Its length, coding and, where there is none, its type are set in the headers. */
  body?: BodySource;
  /** In place of `request.signal`. To add to that: `AbortSignal.any([request.signal, signal])`. */
  signal?: AbortSignal;
}

/**
 * What middleware, dependencies and endpoint share for a request, as `request.state`. Name what your own put there:
 *
 * ```ts
 * declare module 'callnext' {
 *   interface RequestState {
 *     user?: User;
 *   }
 * }
 * ```
 */
export interface RequestState {
  [name: string]: unknown;
}

const knownOptions = {
  ...({
    method: true,
    url: true,
    headers: true,
    body: true,
    signal: true,
  } satisfies OptionNames<RequestInit>),
  /** Fetch asks for it where `body` is a stream. */
  duplex: true,
};

type NativeRequest = globalThis.Request;
const brand = Symbol.for('callnext.Request');
const parts = Symbol.for('callnext.Request.parts');
const matched = Symbol.for('callnext.Request.matched');
const reroute = Symbol.for('callnext.Request.reroute');
const source: unique symbol = Symbol.for('callnext.Request.source') as never;
const shared: unique symbol = Symbol.for('callnext.Request.shared') as never;

interface RequestParts<State> {
  readonly source: RequestSource;
  readonly body: RequestBody;
  readonly state: State;
  readonly shared: Shared;
  readonly pathParams: RouterParams | undefined;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly path: string | undefined;
  readonly headers: Headers | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * A request: the interface of the Fetch `Request`, and `path pathParams queryParams cookies client state session user auth form()
 * raw native`. Nothing is built until it is read.
 *
 * The body may be read by several readers, native parsers among them: what has arrived is kept for the others, up to the
 * layer's `maxBodySize`. A reader that needs more than that of it is refused with a 413.
 *
 * `new Request(request, { headers, body })` is the same request with other headers and another body; given to `callNext`, everything below
 * sees it.
 */
export class Request<State extends object = RequestState> {
  /** Values that middleware, dependencies and endpoint share for this request. */
  readonly state: State;
  readonly #source: RequestSource;
  #ownBody: RequestBody | undefined;
  #cookies: Readonly<Record<string, string | undefined>> | undefined;
  readonly #shared: Shared;
  #signal: AbortSignal | undefined;
  #method: string | undefined;
  #url: string | undefined;
  /** Beside a `#url`. */
  #path: string | undefined;
  #nativeTarget: string | undefined;
  #headers: Headers | undefined;
  #query: URLSearchParams | undefined;
  #pathParams: RouterParams | undefined;
  #native: NativeRequest | undefined;

  constructor(from: Request<State> | RequestSource, init: RequestInit = noOptions) {
    if (isOurRequest(from)) {
      if (new.target === Request) checkOptions('new Request()', init, knownOptions);
      const request = from as Request<State>;
      // What it goes on as below is not what this one is.
      if (init.url !== undefined) void request.url;
      const base = request[parts]();
      this.#source = base.source;
      this.#ownBody = base.body;
      this.state = base.state;
      this.#shared = base.shared;
      this.#pathParams = base.pathParams;
      this.#method = base.method;
      this.#url = base.url;
      this.#path = base.path;
      this.#headers = base.headers;
      this.#signal = base.signal;
    } else {
      this.#source = from as RequestSource;
      this.state = {} as State;
      this.#shared = {};
    }
    if (init.method !== undefined) this.#method = init.method.toUpperCase();
    if (init.url !== undefined) this.#takeUrl(init.url);
    if (init.headers !== undefined) this.#headers = new Headers(init.headers);
    if (init.body !== undefined) this.#takeBody(init.body);
    if (init.signal !== undefined) this.#signal = init.signal;
  }

  /** Made when it is asked for: most requests that a layer sees have none. */
  get #body(): RequestBody {
    this.#ownBody ??= new RequestBody(this.#source);
    return this.#ownBody;
  }

  get method(): string {
    return this.#method ?? this.#source.method;
  }

  /**
   * The whole url, with the path and the query that the framework routes by. The scheme and the host are those of the connection, the
   * `host` header, and proxies that the framework trusts. Throws an HTTPException of 400 for a target that no route can match.
   */
  get url(): string {
    if (this.#url === undefined) {
      const { path, nativeTarget, url } = this.#source;
      this.#path = path;
      this.#nativeTarget = nativeTarget;
      this.#url = url;
    }
    return this.#url;
  }

  /**
   * The path that the framework routes by, not normalised: guard by this one. `new URL(request.url).pathname` is `/` for `/admin/%2e%2e`, which
   * the router matches below `/admin`. FastAPI's `request.url.path`. Throws as `url` does.
   */
  get path(): string {
    return this.#path ?? this.#source.path;
  }

  get headers(): Headers {
    this.#headers ??= this.#source.headers;
    return this.#headers;
  }

  /** Aborts when the client goes away before it has its response, and when the time that `timeout()` gives is up. */
  get signal(): AbortSignal {
    return this.#signal ?? this.#source.signal;
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
    this.#shared.errorHeaders ??= new Headers();
    return this.#shared.errorHeaders;
  }

  /**
   * What is kept between the requests of a client: an object whose changes, nested ones too, are in the cookie of the response.
   * Throws `MIDDLEWARE_MISSING` where there is no `sessions()` around. Starlette's `request.session`.
   */
  get session(): Session {
    const { openSession } = this.#shared;
    if (!openSession) throw misuse('MIDDLEWARE_MISSING', 'request.session', 'sessions');
    return openSession();
  }

  /** Who asks. Throws `MIDDLEWARE_MISSING` where there is no `authentication()` around. Starlette's `request.user`. */
  get user(): User {
    const { user } = this.#shared;
    if (!user) throw misuse('MIDDLEWARE_MISSING', 'request.user', 'authentication');
    return user;
  }

  /** What the request may do. Throws `MIDDLEWARE_MISSING` where there is no `authentication()` around. Starlette's `request.auth`. */
  get auth(): Auth {
    const { auth } = this.#shared;
    if (!auth) throw misuse('MIDDLEWARE_MISSING', 'request.auth', 'authentication');
    return auth;
  }

  /** The native objects: `{ req, res }` on Express, `ctx` on Koa. */
  get raw(): unknown {
    return this.#source.raw;
  }

  get client(): Client | null {
    return this.#source.client;
  }

  /**
   * The parameters of the route that matched; in a middleware before `callNext`, those of the layer's own path. A wildcard is one
   * text with `/`, on every framework. An optional parameter that the path does not have is missing.
   */
  get pathParams(): Readonly<Record<string, string>> {
    if (this.#pathParams === undefined) return pathParamsOf(this.#source.pathParams);
    const params = pathParamsOf(this.#pathParams);
    this.#pathParams = params;
    return params;
  }

  get queryParams(): URLSearchParams {
    this.#query ??= new URLSearchParams(searchOf(this.url));
    return this.#query;
  }

  /** The cookies by name, percent-decoded, and unquoted where Python has quoted them; of several with one name the first counts. */
  get cookies(): Readonly<Record<string, string | undefined>> {
    this.#cookies ??= cookiesOf(this.headers.get('cookie'));
    return this.#cookies;
  }

  /** The bytes as they arrive, still coded where `content-encoding` says so. Throws `BODY_CONSUMED` and `BODY_PARSED`. */
  get body(): ReadableStream<Bytes> | null {
    return hasBody(this.method) ? this.#body.stream(this.headers) : null;
  }

  get bodyUsed(): boolean {
    return this.#body.bytes.used;
  }

  /**
   * The body as JSON: of the bytes, or what a body parser made of them. A coded body is decoded. Rejects with an HTTPException of 415 for
   * a content type that is not JSON, and for none, unless `new Layer({ strictContentType: false })` says otherwise; with a `SyntaxError` that
   * is answered with a 400 for invalid JSON; and with an HTTPException of 413 for more than `maxBodySize`.
   */
  async json(): Promise<unknown> {
    return this.#body.json(this.headers);
  }

  /** The body as text, decoded. Rejects with `BODY_PARSED` and with an HTTPException of 413. */
  async text(): Promise<string> {
    return this.#body.text(this.headers);
  }

  /** The bytes as they came, still coded where `content-encoding` says so. */
  async bytes(): Promise<Bytes> {
    return new Uint8Array(await this.#body.whole(this.headers, 'bytes()'));
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(await this.#body.whole(this.headers, 'arrayBuffer()')).buffer;
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.arrayBuffer()], { type: this.headers.get('content-type') ?? '' });
  }

  /** The form, as `form()` reads it without options. Rejects with a `TypeError` that is answered with a 415 for what is none. */
  async formData(): Promise<FormData> {
    return this.#body.formData(this.headers);
  }

  /**
   * The form, read as it arrives: its files are `UploadFile`s, on disk where they do not fit into memory, and removed when the last
   * background task has run. A body of another type is an empty form. Read once; what a later call asks for is what the first has read.
   *
   * Rejects with an HTTPException of 400 in Starlette's words for a form that is broken or beyond its limits, and of 413 where its fields together
   * are more than `maxBodySize`. FastAPI's `request.form(max_files=1000, max_fields=1000, max_part_size=1048576)`.
   */
  async form(options: FormOptions = {}): Promise<FormData> {
    return this.#body.form(this.headers, options);
  }

  /** The same request: its body may be read by both. */
  clone(): Request<State> {
    return new Request<State>(this);
  }

  /**
   * A Fetch `Request` of the platform, for libraries that need a real one; another one when its body has been used. Where a body parser has left only its result, the
   * body is written anew from that: the same data, not the same bytes. Throws `BODY_PARSED`, and an HTTPException of 501 for a method that
   * Fetch does not know.
   */
  get native(): NativeRequest {
    if (this.#native === undefined || this.#native.bodyUsed) {
      this.#native = this.#buildNative();
      natives.set(this.#native, this.#body);
    }
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
      shared: this.#shared,
      pathParams: this.#pathParams,
      method: this.#method,
      url: this.#url,
      path: this.#path,
      headers: this.#headers,
      signal: this.#signal,
    };
  }

  /** Internal. */
  get [shared](): Shared {
    return this.#shared;
  }

  /** Internal. */
  get [source](): RequestSource {
    return this.#source;
  }

  /** The route that matched below is what the middlewares further out see too, as Starlette's shared scope has it. */
  [matched](pathParams: RouterParams): void {
    this.#pathParams = pathParams;
  }

  /** Native code may have given the request another target since its url was read. */
  [reroute](): void {
    if (this.#url === undefined) return;
    const { nativeTarget } = this.#source;
    if (nativeTarget !== undefined && nativeTarget === this.#nativeTarget) return;
    const { url, path } = this.#source;
    this.#nativeTarget = nativeTarget;
    const target = afterOrigin(url);
    if (target === afterOrigin(this.#url)) return;
    this.#url = originOf(this.#url) + target;
    this.#path = path;
    this.#query = undefined;
    this.#native = undefined;
  }

  /** A url that says the same path keeps it as it was sent: a guard may have seen that one, and not what it is normalised to. */
  #takeUrl(given: string | URL): void {
    const [asked, { href, pathname, search }] = [new URL(this.url), new URL(given, this.url)];
    if (href === asked.href) return;
    const isSamePath = pathname === asked.pathname;
    if (!isSamePath) this.#path = pathname;
    const [path] = isSamePath ? afterOrigin(this.url).split('?', 1) : [pathname];
    this.#url = `${originOf(href)}${path}${search}`;
  }

  #takeBody(body: BodySource): void {
    const { content, type } = contentOf(body);
    if (content !== null && !hasBody(this.method)) throw misuse('BODY_NOT_ALLOWED', this.method);
    this.#ownBody = new RequestBody(this.#source, { content });
    const headers = new Headers(this.headers);
    for (const name of ofFraming) headers.delete(name);
    if (content !== null && !isChunk(content)) headers.set('transfer-encoding', 'chunked');
    else headers.set('content-length', String(content === null ? 0 : toBytes(content).byteLength));
    if (type !== undefined && !headers.has('content-type')) headers.set('content-type', type);
    this.#headers = headers;
  }

  #buildNative(): NativeRequest {
    const { method, signal } = this;
    if (unknownToFetch.test(method)) throw new HTTPException(501);
    const { body, headers } = hasBody(method)
      ? this.#body.forFetch(this.headers)
      : { body: null, headers: [...this.headers] };
    const init = { method, headers, body, signal, duplex: 'half' };
    return new globalThis.Request(this.url, init as globalThis.RequestInit);
  }
}

actAs(Request, 'Request');

/** The bodies that requests of the platform were built over. */
const natives = new WeakMap<NativeRequest, RequestBody>();
/** Fetch, "forbidden method". */
const unknownToFetch = /^(connect|trace|track)$/i;

function hasBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** Whether a value is a request of callnext, of this copy of the package or of another one. */
export function isOurRequest(value: unknown): value is Request {
  return typeof value === 'object' && value !== null && brand in value;
}

/** Gives a request the parameters of the route that matched, and the url that it matched by. */
export function matchRoute(request: Request, pathParams: RouterParams): void {
  request[matched](pathParams);
  request[reroute]();
}

/** Gives a request the url that it is routed by now, where ours comes after native code. */
export function followTarget(request: Request): void {
  request[reroute]();
}

/** The query of a url, with its `?`; empty where there is none. */
export function searchOf(url: string): string {
  return /^[^?#]*(\?[^#]*)/.exec(url)?.[1] ?? '';
}

/** The scheme and the authority of an absolute url. */
function originOf(url: string): string {
  return /^[^/?#]*\/\/[^/?#]*/.exec(url)?.[0] ?? '';
}

function afterOrigin(url: string): string {
  return url.slice(originOf(url).length);
}

/** What a request has in common with those that are made of it. */
export function sharedOf(request: Request): Shared {
  return request[shared];
}

/** Where a request comes from. */
export function sourceOf(request: Request): RequestSource {
  return request[source];
}

/** Throws an HTTPException of 413 for a request that announces more of a body than `bodyLimit()` lets come. */
export function refuseTooLarge(request: Request): void {
  const { bodyLimit } = sourceOf(request);
  if (declaredLength(request) > bodyLimit) throw contentTooLarge(bodyLimit);
}

/** What a request says of the size of its body, in bytes. */
export function declaredLength(request: Request): number {
  return Number(sourceOf(request).headers.get('content-length') ?? 0);
}

/** The body of a request, where it is not the one that `original` has. */
export function changedBody(request: Request, original: Request): Body | undefined {
  const { body } = request[parts]();
  return body === original[parts]().body ? undefined : body.bytes;
}

/** What `callNext` was given, as a request of ours: ours as it is, a Fetch request as a change of `current`. */
export function changedRequest(current: Request, given: unknown): Request {
  if (given === current || given === undefined) return current;
  if (isOurRequest(given)) return given;
  if (!isOfPlatform('Request', given)) throw misuse('REQUEST_EXPECTED', given);
  const { method, url, headers, body } = given;
  const isSame = body === null || natives.get(given) === current[parts]().body;
  if (!isSame && given.bodyUsed) throw misuse('BODY_CONSUMED', 'request given to `callNext`');
  return new Request(current, { method, url, headers, ...(isSame ? {} : { body: body as BodySource }) });
}
