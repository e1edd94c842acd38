import type { Content } from './body-source.js';
import type { FormLimits } from './form.js';
import type { Headers } from './headers.js';
import type { ParsedBody } from './parsed-body.js';
import type { RouterParams } from './path-params.js';
import type { Route } from './route.js';
import type { Shared } from './shared.js';

/** The peer of a connection. */
export interface Client {
  readonly host: string;
  readonly port: number;
}

/** The source of a request: the port that an adapter implements. Each member is read on demand. */
export interface RequestSource {
  readonly method: string;
  /**
   * Absolute, without a fragment, with the path and query that the framework routes by. Scheme and host are
   * those of the connection, the `host` header and trusted proxies. Throws an HTTPException of 400 if no
   * route could match.
   */
  readonly url: string;
  /** The path that the framework routes by, not normalised. Throws like `url`. */
  readonly path: string;
  /**
   * The native target. `url` and `path` are valid while it is unchanged; without it, they are read again
   * after native code.
   */
  readonly nativeTarget?: string;
  readonly headers: Headers;
  /**
   * The host and port that the client named, from trusted sources, as sent; `undefined` unless there is
   * exactly one.
   */
  readonly host: string | undefined;
  /** The native objects, such as `{ req, res }` or Koa's `ctx`. */
  readonly raw: unknown;
  readonly client: Client | null;
  /** The matched route, if the framework exposes it. */
  readonly route?: Route | undefined;
  /** As the router provides them. */
  readonly pathParams: RouterParams;
  /** Aborts when the client leaves before it has the response. */
  readonly signal: AbortSignal;
  /** Aborts `signal` for a connected client, when the time of a layer is up. */
  abort?(reason: Error): void;
  /** The state shared by the requests over this source. The core sets it. */
  shared?: Shared | undefined;
  /** How many bytes of the body readers may hold in memory. Layers set it. */
  maxBodySize: number;
  /** Whether `json()` refuses other content types; `true` unless a layer changes it. */
  strictContentType?: boolean;
  /** Whether errors of parameters repeat what was received; `true` unless a layer sets it. */
  echoesInput?: boolean;
  /**
   * How many bytes of the body are accepted at all; `Infinity` unless `bodyLimit()` sets it, innermost last.
   * Beyond it, every reader, native ones included, gets `contentTooLarge()`.
   */
  bodyLimit: number;
  /** The body from its start, as it arrives. Throws `BODY_CONSUMED` if it was read elsewhere. */
  body(): Content;
  /** The result of an earlier body parser, if the bytes are gone. */
  parsedBody(): ParsedBody | undefined;
  /** Decodes a body (RFC 9110, 8.4). Reading rejects with an HTTPException of 400 or 415. */
  decode(body: AsyncIterable<Uint8Array>, codings: string): AsyncIterable<Uint8Array>;
  /**
   * Reads a multipart form. Rejects with an HTTPException of 400 or 413. Files on disk last as long as the
   * exchange.
   */
  readForm(body: AsyncIterable<Uint8Array>, type: string, limits: FormLimits): Promise<FormData>;
}

/** How many bytes of a request body may be held in memory by default: 1 MiB. */
export const defaultMaxBodySize: number = 1024 * 1024;
