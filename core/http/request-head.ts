import { misuse } from '../errors.js';
import { noOptions } from '../options.js';
import type { BodySource } from './body-source.js';
import { cookiesOf } from './cookies.js';
import { Headers } from './headers.js';
import { pathParamsOf, type RouterParams } from './path-params.js';
import { actAs } from './platform.js';
import { RequestBody, replacedBody } from './request-body.js';
import type { RequestInit, RequestState } from './request-init.js';
import { body, brand, matched, parts, reroute, source, target } from './request-keys.js';
import type { Client, RequestSource } from './request-source.js';
import { changedTarget, reroutedTarget, searchOf, type Target, targetOf } from './request-target.js';
import { type Auth, type Session, sharedOn, type User } from './shared.js';

/** The parts that a derived request inherits. */
interface RequestParts {
  readonly source: RequestSource;
  /** The body with which a middleware replaced the client's. */
  readonly ownBody: RequestBody | undefined;
  readonly pathParams: RouterParams | undefined;
  readonly method: string | undefined;
  readonly target: Target | undefined;
  readonly headers: Headers | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A request without its body, like Starlette's `HTTPConnection`. */
export class RequestHead<State extends object = RequestState> {
  declare readonly [brand]: true;
  readonly #source: RequestSource;
  #ownBody: RequestBody | undefined;
  #signal: AbortSignal | undefined;
  #method: string | undefined;
  #target: Target | undefined;
  #headers: Headers | undefined;
  #pathParams: RouterParams | undefined;
  #cookies: Readonly<Record<string, string | undefined>> | undefined;
  #query: URLSearchParams | undefined;

  constructor(from: RequestHead<State> | RequestSource, init: RequestInit = noOptions) {
    if (!isRequest(from)) {
      this.#source = from as RequestSource;
      return;
    }
    const base = from[parts]();
    this.#source = base.source;
    this.#ownBody = base.ownBody;
    this.#pathParams = base.pathParams;
    this.#method = init.method?.toUpperCase() ?? base.method;
    // Read the url now: a later change of the original must not affect this request.
    this.#target = init.url === undefined ? base.target : changedTarget(from[target](), init.url);
    this.#headers = init.headers === undefined ? base.headers : new Headers(init.headers);
    if (init.body !== undefined) this.#takeBody(init.body);
    this.#signal = init.signal ?? base.signal;
  }

  /** Values shared by middleware, dependencies and endpoint during this request. */
  get state(): State {
    const shared = sharedOn(this.#source);
    shared.state ??= {};
    return shared.state as State;
  }

  get method(): string {
    return this.#method ?? this.#source.method;
  }

  /**
   * The absolute url, with the path and query that the framework routes by. Scheme and host are those of the
   * connection, the `host` header, and trusted proxies. Throws an HTTPException of 400 for a target that no
   * route can match.
   */
  get url(): string {
    return this[target]().url;
  }

  /**
   * The path that the framework routes by, not normalised: use it in guards. `new URL(request.url).pathname`
   * is `/` for `/admin/%2e%2e`, which the router matches below `/admin`. FastAPI's `request.url.path`. Throws
   * like `url`.
   */
  get path(): string {
    return this.#target?.path ?? this.#source.path;
  }

  get headers(): Headers {
    this.#headers ??= this.#source.headers;
    return this.#headers;
  }

  /** Aborts when the client leaves before it has the response, and when a `timeout()` elapses. */
  get signal(): AbortSignal {
    return this.#signal ?? this.#source.signal;
  }

  /**
   * Headers for a response that is made outside the middleware: by a handler for `Error` or 500, or by the
   * framework's error page. No after-code sees that response. Its own headers win, cookies and `vary` are
   * added to them, and headers that frame a body are skipped.
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
   * In FastAPI, a 500 lacks all headers of the middleware (fastapi#775).
   */
  get errorHeaders(): Headers {
    const shared = sharedOn(this.#source);
    shared.errorHeaders ??= new Headers();
    return shared.errorHeaders;
  }

  /**
   * Data kept between the requests of a client: an object whose changes, nested ones included, are saved in
   * the response's cookie. Throws `MIDDLEWARE_MISSING` without `sessions()`. Starlette's `request.session`.
   */
  get session(): Session {
    const openSession = this.#source.shared?.openSession;
    if (!openSession) throw misuse('MIDDLEWARE_MISSING', 'request.session', 'sessions');
    return openSession();
  }

  /**
   * The authenticated user. Throws `MIDDLEWARE_MISSING` without `authentication()`. Starlette's
   * `request.user`.
   */
  get user(): User {
    const user = this.#source.shared?.user;
    if (!user) throw misuse('MIDDLEWARE_MISSING', 'request.user', 'authentication');
    return user;
  }

  /**
   * The granted scopes. Throws `MIDDLEWARE_MISSING` without `authentication()`. Starlette's `request.auth`.
   */
  get auth(): Auth {
    const auth = this.#source.shared?.auth;
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
   * The parameters of the matched route; in a middleware before `callNext`, those of the layer's own path. A
   * wildcard is one string with `/` on every framework. A missing optional parameter is absent.
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

  /**
   * The cookies by name, percent-decoded, and unquoted if Python quoted them. The first of several with one
   * name counts.
   */
  get cookies(): Readonly<Record<string, string | undefined>> {
    this.#cookies ??= cookiesOf(this.headers.get('cookie'));
    return this.#cookies;
  }

  #takeBody(given: BodySource): void {
    const replaced = replacedBody(given, this.#source, this);
    this.#ownBody = replaced.body;
    this.#headers = replaced.headers;
  }

  /** Internal. */
  [parts](): RequestParts {
    return {
      source: this.#source,
      ownBody: this.#ownBody,
      pathParams: this.#pathParams,
      method: this.#method,
      target: this.#target,
      headers: this.#headers,
      signal: this.#signal,
    };
  }

  /** Internal: created on first use, and shared by all requests derived from this one. */
  get [body](): RequestBody {
    if (this.#ownBody) return this.#ownBody;
    const shared = sharedOn(this.#source);
    shared.body ??= new RequestBody(this.#source);
    return shared.body as RequestBody;
  }

  /** Internal: the url, read once. */
  [target](): Target {
    this.#target ??= targetOf(this.#source);
    return this.#target;
  }

  /** Internal. */
  get [source](): RequestSource {
    return this.#source;
  }

  /** Makes the matched route visible to outer middleware too, as in Starlette's shared scope. */
  [matched](pathParams: RouterParams): void {
    this.#pathParams = pathParams;
  }

  /** Updates the url if native code has changed the target since it was read. */
  [reroute](): void {
    const before = this.#target;
    if (before === undefined) return;
    this.#target = reroutedTarget(before, this.#source);
    if (this.#target.url !== before.url) this.#query = undefined;
  }
}

Object.defineProperty(RequestHead.prototype, brand, { value: true });
actAs(RequestHead, 'Request');

/** Whether a value is a callnext request, even of another copy of the package. */
function isRequest(value: object): value is RequestHead {
  return brand in value;
}
