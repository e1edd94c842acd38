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

/**
 * Where a request comes from: the port that an adapter implements. Each member is read when a user reads it,
 * not before.
 */
export interface RequestSource {
  readonly method: string;
  /**
   * Absolute, with the path and the query that the framework routes by and without a fragment. The scheme and
   * the host are those of the connection, of the `host` header and of trusted proxies. Throws an
   * HTTPException of 400 where no route could match.
   */
  readonly url: string;
  /** The path that the framework routes by, not normalised. Throws as `url` does. */
  readonly path: string;
  /**
   * As native code has it now: while it is the same, `url` and `path` are. Without it they are asked again
   * after native code.
   */
  readonly nativeTarget?: string;
  readonly headers: Headers;
  /**
   * The host, and the port, that the client has named, as far as who says so is trusted; as it was sent, and
   * `undefined` where none was or the request names several.
   */
  readonly host: string | undefined;
  /** The native objects, such as `{ req, res }` or Koa's `ctx`. */
  readonly raw: unknown;
  readonly client: Client | null;
  /** The route that the framework has matched, where it says so. */
  readonly route?: Route | undefined;
  /** As the router gives them. */
  readonly pathParams: RouterParams;
  /** Aborts when the client goes away before it has its response. */
  readonly signal: AbortSignal;
  /** Aborts `signal` although the client is still there: the time of a layer is up. */
  abort?(reason: Error): void;
  /** What the requests over this source have in common. The core sets it. */
  shared?: Shared | undefined;
  /** Bytes of the body that readers may hold in memory. Layers set it. */
  maxBodySize: number;
  /** Whether `json()` refuses bodies that are not JSON by their type; `true` unless a layer sets it. */
  strictContentType?: boolean;
  /** Whether errors of parameters repeat what was received; `true` unless a layer sets it. */
  echoesInput?: boolean;
  /**
   * Bytes of the body that may come at all; `Infinity` unless `bodyLimit()` sets it, the innermost one last.
   * Who reads on gets `contentTooLarge()`, native readers too.
   */
  bodyLimit: number;
  /** The body as it arrives, from its beginning. Throws `BODY_CONSUMED` where somebody else has read it. */
  body(): Content;
  /** What a body parser made of the body, where one came first and its bytes are gone. */
  parsedBody(): ParsedBody | undefined;
  /**
   * Undoes the codings of a body (RFC 9110, 8.4). What is read from it rejects with an HTTPException of 400
   * or 415.
   */
  decode(body: AsyncIterable<Uint8Array>, codings: string): AsyncIterable<Uint8Array>;
  /**
   * Reads a multipart form. Rejects with an HTTPException of 400 or 413, and what it keeps on disk lasts as
   * long as the exchange.
   */
  readForm(body: AsyncIterable<Uint8Array>, type: string, limits: FormLimits): Promise<FormData>;
}

/** How many bytes of a request body its readers may hold in memory, where no layer says otherwise: 1 MiB. */
export const defaultMaxBodySize: number = 1024 * 1024;
