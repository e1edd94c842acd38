import type { IncomingMessage, ServerResponse } from 'node:http';

/** The slice of an Express app that is touched, of Express 4 and 5. */
export interface ExpressApp {
  readonly parent?: ExpressApp;
  /** Where it is mounted in its parent: a path, or a list of paths. */
  readonly mountpath?: unknown;
  /** Express 5. In Express 4 this getter throws, and `_router` is there instead. */
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

/** The slice of an Express request that is touched. */
export interface ExpressReq extends IncomingMessage {
  /** The route that was called last; its path may be a pattern. */
  readonly route?: { readonly path?: unknown } | undefined;
  readonly app?: ExpressApp;
  baseUrl: string;
  /** Set when a router begins with the request. */
  readonly originalUrl?: string;
  /** A wildcard of Express 5 is the list of its segments. */
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

/** What `app.use` takes as an error handler. */
export type ExpressErrorHandler = (
  error: unknown,
  req: ExpressReq,
  res: ExpressRes,
  next: ExpressNext,
) => void;

/** What `app.use` and `app.get` take. */
export type ExpressHandler = (req: ExpressReq, res: ExpressRes, next: ExpressNext) => void;

/** The slice of an entry on a router's stack that is touched. */
export interface Entry {
  handle: unknown;
  /** Whether a path leads here; Express 5 notes its parameters. Throws where the path cannot be decoded. */
  match(path: string): unknown;
  /** Where the entry leads to a route. */
  readonly route?: unknown;
  handleError?: unknown;
  /** Express 4. */
  handle_error?: unknown;
}

/** The slice of a router that is touched. */
export interface Stacked {
  readonly stack: Entry[];
  use(handler: unknown): unknown;
}

/**
 * What Express takes for an order to go on, and not for an error: a guard must not be passed by a thrown `0`.
 */
export function isSignalToRouter(thrown: unknown): boolean {
  return !thrown || thrown === 'route' || thrown === 'router';
}
