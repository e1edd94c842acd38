import type { IncomingMessage, ServerResponse } from 'node:http';

/** The part of a Koa context that is used, in Koa 2 and 3. */
export interface KoaContext {
  readonly app?: object;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Body parsers set `body` on it. */
  readonly request: object;
  /** Has `_explicitNullBody` if `ctx.body` was set to `null`. */
  readonly response: object;
  readonly protocol: string;
  readonly host: string;
  /** Respects `app.proxy`. */
  readonly ip: string;
  readonly originalUrl: string;
  /** Set by koa-mount, which does not remove it afterwards. */
  readonly mountPath?: string;
  readonly headerSent: boolean;
  /** Set by routers. */
  readonly params?: Record<string, string> | undefined;
  /** Set by @koa/router: the groups of the matched route, and its path. */
  readonly captures?: readonly (string | undefined)[];
  readonly _matchedRoute?: string | RegExp;
  /** Set by @koa/multer. */
  readonly file?: unknown;
  readonly files?: unknown;
  status: number;
  message: string;
  body: unknown;
  url: string;
  /** `false` if native code answers on `ctx.res` by itself. */
  respond?: boolean | undefined;
  onerror(error: Error): void;
  set(name: string, value: string | string[]): void;
  remove(name: string): void;
}

export type KoaNext = () => Promise<unknown>;

/**
 * What `app.use` and a router's methods accept. Generic, so that `app.use` keeps the app's own context type.
 */
export type KoaHandler = <Context extends KoaContext>(ctx: Context, next: KoaNext) => Promise<void>;
