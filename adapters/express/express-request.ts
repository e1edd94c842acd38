import {
  type AppRoutes,
  type Client,
  type MountPaths,
  misuse,
  type ParsedBody,
  type Route,
  type RouterParams,
} from '../../core/adapter.js';
import { clientOf, type Framework, hostOf, parsedBodyOf, readTarget, type Target } from '../node/shared.js';
import { appRoutesOf } from './app-routes.js';
import { type ExpressReq, type ExpressRes, isSignalToRouter } from './express-types.js';
import { matchedRoute } from './matched-route.js';

/** Express' view of a request. */
export class ExpressRequest implements Framework {
  readonly #req: ExpressReq;
  readonly #res: ExpressRes;
  #changed: string | undefined;

  constructor(req: ExpressReq, res: ExpressRes) {
    this.#req = req;
    this.#res = res;
  }

  // Getters, because fields would take room in every request.
  get kind(): 'node' {
    return 'node';
  }

  get keepsContext(): boolean {
    return true;
  }

  get awaitsNative(): boolean {
    return false;
  }

  isSignal(thrown: unknown): boolean {
    return isSignalToRouter(thrown);
  }

  get raw(): { req: ExpressReq; res: ExpressRes } {
    return { req: this.#req, res: this.#res };
  }

  /** Respects `trust proxy`. */
  get scheme(): string {
    return this.#req.protocol;
  }

  get asked(): string {
    const { originalUrl, url = '/' } = this.#req;
    return originalUrl ?? url;
  }

  get nativeTarget(): string {
    const { baseUrl = '', url = '' } = this.#req;
    return baseUrl + url;
  }

  /** Not `originalUrl`, because native code may have changed `url`. */
  get target(): Target {
    const { baseUrl = '', url = '/' } = this.#req;
    const here = readTarget(url);
    const whole = this.#changed ?? this.asked;
    if (url === whole) return here;
    const { path } = readTarget(whole);
    const below = here.path ?? '';
    // At the mount path itself, Express adds a slash.
    const isMounted = path === baseUrl + below || (path === baseUrl && below === '/');
    return { path: isMounted ? path : here.path && baseUrl + here.path, search: here.search };
  }

  get route(): Route | undefined {
    return matchedRoute(this.#req);
  }

  routesOf(root: object, mounts: MountPaths): AppRoutes | undefined {
    return appRoutesOf(root, mounts);
  }

  targetChanged(target: string): void {
    this.#changed = target;
  }

  /** Express 5's `req.host`; in Express 4 that getter warns and drops the port. */
  get host(): string | undefined {
    const { app, headers, socket } = this.#req;
    const named = hostOf(this.#req);
    const forwarded = headers['x-forwarded-host'];
    const isTrusted = app?.get?.('trust proxy fn') as
      | ((address: unknown, hop: number) => boolean)
      | undefined;
    if (typeof forwarded !== 'string' || !isTrusted?.(socket.remoteAddress, 0)) return named;
    return forwarded.split(',', 1)[0]?.trim() || named;
  }

  get pathParams(): RouterParams {
    return this.#req.params ?? {};
  }

  get client(): Client | null {
    return clientOf(this.#req, this.#req.ip);
  }

  get parsedBody(): ParsedBody {
    const req = this.#req;
    const { body: value, file, files } = req;
    const rawBody: unknown = Reflect.get(req, 'rawBody');
    return parsedBodyOf({
      value,
      rawBody,
      files: [file, files],
      contentType: req.headers['content-type'],
      name,
    });
  }

  setParsedBody(value: unknown): void {
    Reflect.set(this.#req, 'body', value);
    // body-parser 1, of Express 4, skips a body that it has already parsed.
    if (value === undefined) Reflect.set(this.#req, '_body', false);
  }
}

function name(kind: string): { parser: string; cure: string } {
  if (kind === 'multipart')
    return {
      parser: 'multer, or another form parser,',
      cure: 'read them with `request.bytes()` in a middleware before it',
    };
  return {
    parser: `\`express.${kind}()\``,
    cure: `\`express.${kind}({ verify: keepRawBody })\`, from \`callnext/express\``,
  };
}

const expected =
  'an Express request: pass the function itself, as in `express.json({ verify: keepRawBody })`';

/**
 * Keeps the bytes of a body that a parser before the layer consumes: `app.use(express.json({ verify:
 * keepRawBody }))`. They are stored in `req.rawBody`, and returned by `request.text()` and `request.bytes()`.
 * Not needed if the layer is mounted first.
 */
export function keepRawBody(req: object, _res: unknown, bytes: Uint8Array): void {
  if (typeof req !== 'object' || req === null)
    throw misuse('ARGUMENT', 'keepRawBody()', 'req', expected, req);
  Reflect.set(req, 'rawBody', bytes);
}
