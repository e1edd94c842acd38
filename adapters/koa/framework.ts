import type { Client, ParsedBody, Route, RouterParams } from '../../core/adapter.js';
import { clientOf, type Framework, parsedBodyOf, readTarget, type Target } from '../node/shared.js';
import type { KoaContext } from './koa-types.js';
import { matchedRoute } from './matched-route.js';
import { routerParams } from './router-params.js';

/** Koa's view of a request. */
export class KoaFramework implements Framework {
  readonly kind = 'koa';
  /** Koa receives an error by a promise, and answers it in the context of the code that awaits it. */
  readonly keepsContext = false;
  readonly raw: KoaContext;
  #changed: string | undefined;

  constructor(ctx: KoaContext) {
    this.raw = ctx;
  }

  isSignal(): boolean {
    return false;
  }

  /** Koa's middleware settles by itself; code that answers on the native response may never do so. */
  get awaitsNative(): boolean {
    return this.raw.respond !== false;
  }

  /** Koa sends what is on the context, even if native code had answered on the native response. */
  answerTakenBack(): void {
    this.raw.respond = true;
  }

  /** Respects `app.proxy`. */
  get scheme(): string {
    return this.raw.protocol;
  }

  /** Respects `app.proxy`. */
  get host(): string | undefined {
    return this.raw.host || undefined;
  }

  get asked(): string {
    return this.raw.originalUrl;
  }

  get nativeTarget(): string {
    return this.raw.url;
  }

  /** Not `originalUrl`, because native code may have changed `url`. */
  get target(): Target {
    const here = readTarget(this.raw.url);
    return this.mount === '' ? here : { ...here, path: readTarget(this.#whole).path };
  }

  /** The path that koa-mount has removed from `ctx.url`; only the common end of both paths reveals it. */
  get mount(): string {
    const { url, mountPath } = this.raw;
    if (url === this.#whole || mountPath === undefined) return '';
    const [whole, below] = [readTarget(this.#whole).path ?? '', readTarget(url).path ?? ''];
    if (whole.endsWith(below)) return whole.slice(0, whole.length - below.length);
    return below === '/' ? whole : '';
  }

  get #whole(): string {
    return this.#changed ?? this.asked;
  }

  /** As koa-router and @koa/router note it. */
  get route(): Route | undefined {
    return matchedRoute(this.raw, readTarget(this.#whole).path ?? '');
  }

  targetChanged(target: string): void {
    this.#changed = target;
  }

  get pathParams(): RouterParams {
    return routerParams(this.raw);
  }

  /** Respects `app.proxy`. */
  get client(): Client | null {
    return clientOf(this.raw.req, this.raw.ip);
  }

  get parsedBody(): ParsedBody {
    const { req, request, file, files } = this.raw;
    const { body: value, rawBody, files: ofRequest } = request as Record<string, unknown>;
    const kept = rawBody ?? Reflect.get(req, 'rawBody') ?? unparsed(value);
    const contentType = req.headers['content-type'];
    return parsedBodyOf({ value, rawBody: kept, files: [file, files ?? ofRequest], contentType, name });
  }

  setParsedBody(value: unknown): void {
    Reflect.set(this.raw.request, 'body', value);
  }
}

/** The place where koa-body keeps it, with `includeUnparsed`. */
function unparsed(value: unknown): unknown {
  return typeof value === 'object' && value !== null
    ? Reflect.get(value, Symbol.for('unparsedBody'))
    : undefined;
}

function name(kind: string): { parser: string; cure: string } {
  const isForm = kind === 'multipart';
  return {
    parser: isForm ? '@koa/multer, or another parser of forms,' : 'a body parser, such as `@koa/bodyparser`,',
    cure: isForm ? 'read them by `request.bytes()` in a middleware before it' : 'as `ctx.request.rawBody`',
  };
}
