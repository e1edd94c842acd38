import type { IncomingMessage, ServerResponse } from 'node:http';

/** The part of an Express app that is used, in Express 4 and 5. */
export interface ExpressApp {
  readonly parent?: ExpressApp;
  /** The path or paths at which it is mounted in its parent. */
  readonly mountpath?: unknown;
  /** Express 5. In Express 4 this getter throws; use `_router`. */
  readonly router?: unknown;
  readonly _router?: unknown;
  /** Express 4. */
  readonly lazyrouter?: unknown;
  /** The prototype of its requests. */
  readonly request?: object;
  /** The prototype of its responses. */
  readonly response?: object;
  get?(setting: string): unknown;
  use(handler: unknown): unknown;
}

/** The part of an Express request that is used. */
export interface ExpressReq extends IncomingMessage {
  /** The latest route; its path may be a pattern. */
  readonly route?: { readonly path?: unknown } | undefined;
  readonly app?: ExpressApp;
  baseUrl: string;
  /** Set once a router has received the request. */
  readonly originalUrl?: string;
  /** In Express 5, a wildcard is a list of segments. */
  readonly params: Record<string, string | string[]>;
  readonly protocol: string;
  /** Respects `trust proxy`. */
  readonly ip?: string | undefined;
  /** Set by body parsers only. */
  readonly body?: unknown;
  /** Set by multer. */
  readonly file?: unknown;
  readonly files?: unknown;
}

export type ExpressRes = ServerResponse;
export type ExpressNext = (error?: unknown) => void;

export type ExpressErrorHandler = (
  error: unknown,
  req: ExpressReq,
  res: ExpressRes,
  next: ExpressNext,
) => void;

export type ExpressHandler = (req: ExpressReq, res: ExpressRes, next: ExpressNext) => void;

/** The part of a router's stack entry that is used. */
export interface Entry {
  handle: unknown;
  /** Whether a path matches; Express 5 also stores its parameters. Throws if the path cannot be decoded. */
  match(path: string): unknown;
  /** Present if the entry is a route. */
  readonly route?: unknown;
  handleError?: unknown;
  /** Express 4. */
  handle_error?: unknown;
}

/** The part of a router that is used. */
export interface Stacked {
  readonly stack: Entry[];
  use(handler: unknown): unknown;
}

/**
 * Whether Express treats a thrown value as a signal instead of an error; such a value must not open a guard.
 */
export function isSignalToRouter(thrown: unknown): boolean {
  return !thrown || thrown === 'route' || thrown === 'router';
}
