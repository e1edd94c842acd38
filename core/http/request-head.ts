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

/** What a request that is made of another one takes over. */
interface RequestParts {
  readonly source: RequestSource;
  /** The body that a middleware has put in the place of the client's. */
  readonly ownBody: RequestBody | undefined;
  readonly pathParams: RouterParams | undefined;
  readonly method: string | undefined;
  readonly target: Target | undefined;
  readonly headers: Headers | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A request but for its body, as Starlette's `HTTPConnection`. */
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
    // What it goes on as below is not what the other one is, whose url is read here.
    this.#target = init.url === undefined ? base.target : changedTarget(from[target](), init.url);
    this.#headers = init.headers === undefined ? base.headers : new Headers(init.headers);
    if (init.body !== undefined) this.#takeBody(init.body);
    this.#signal = init.signal ?? base.signal;
  }

  /** Values that middleware, dependencies and endpoint share for this request. */
  get state(): State {
    const shared = sharedOn(this.#source);
    shared.state ??= {};
    return shared.state as State;
  }

  get method(): string {
    return this.#method ?? this.#source.method;
  }

  /**
   * The whole url, with the path and the query that the framework routes by. The scheme and the host are
   * those of the connection, the `host` header, and proxies that the framework trusts. Throws an
   * HTTPException of 400 for a target that no route can match.
   */
  get url(): string {
    return this[target]().url;
  }

  /**
   * The path that the framework routes by, not normalised: guard by this one. `new URL(request.url).pathname`
   * is `/` for `/admin/%2e%2e`, which the router matches below `/admin`. FastAPI's `request.url.path`. Throws
   * as `url` does.
   */
  get path(): string {
    return this.#target?.path ?? this.#source.path;
  }

  get headers(): Headers {
    this.#headers ??= this.#source.headers;
    return this.#headers;
  }

  /**
   * Aborts when the client goes away before it has its response, and when the time that `timeout()` gives is
   * up.
   */
  get signal(): AbortSignal {
    return this.#signal ?? this.#source.signal;
  }

  /**
   * Headers for the response that is made where an exception has left the middleware: by a handler for
   * `Error` or 500, or by the framework's own error page. No after-code sees that response. It gets those
   * that it does not name; cookies and `vary` are added to its own, and what frames a body is left out.
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
    const shared = sharedOn(this.#source);
    shared.errorHeaders ??= new Headers();
    return shared.errorHeaders;
  }

  /**
   * What is kept between the requests of a client: an object whose changes, nested ones too, are in the
   * cookie of the response. Throws `MIDDLEWARE_MISSING` where there is no `sessions()` around. Starlette's
   * `request.session`.
   */
  get session(): Session {
    const openSession = this.#source.shared?.openSession;
    if (!openSession) throw misuse('MIDDLEWARE_MISSING', 'request.session', 'sessions');
    return openSession();
  }

  /**
   * Who asks. Throws `MIDDLEWARE_MISSING` where there is no `authentication()` around. Starlette's
   * `request.user`.
   */
  get user(): User {
    const user = this.#source.shared?.user;
    if (!user) throw misuse('MIDDLEWARE_MISSING', 'request.user', 'authentication');
    return user;
  }

  /**
   * What the request may do. Throws `MIDDLEWARE_MISSING` where there is no `authentication()` around.
   * Starlette's `request.auth`.
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
   * The parameters of the route that matched; in a middleware before `callNext`, those of the layer's own
   * path. A wildcard is one text with `/`, on every framework. An optional parameter that the path does not
   * have is missing.
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
   * The cookies by name, percent-decoded, and unquoted where Python has quoted them; of several with one name
   * the first counts.
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

  /** Internal: made when it is asked for, and shared by all requests that are made of this one. */
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

  /**
   * The route that matched below is what the middlewares further out see too, as Starlette's shared scope has
   * it.
   */
  [matched](pathParams: RouterParams): void {
    this.#pathParams = pathParams;
  }

  /** Native code may have given the request another target since its url was read. */
  [reroute](): void {
    const before = this.#target;
    if (before === undefined) return;
    this.#target = reroutedTarget(before, this.#source);
    if (this.#target.url !== before.url) this.#query = undefined;
  }
}

Object.defineProperty(RequestHead.prototype, brand, { value: true });
actAs(RequestHead, 'Request');

/** Whether a value is a request of callnext, of this copy of the package or of another one. */
function isRequest(value: object): value is RequestHead {
  return brand in value;
}
