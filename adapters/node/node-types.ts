import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * The members of a native response that a hold replaces. `_header`, `_implicitHeader`, `_send` and
 * `_storeHeader` are not documented by Node; they are the same from Node 18 to 24, and compression,
 * express-session and on-headers rely on them too.
 */
export type NativeResponse = ServerResponse & {
  _header: string | null;
  _hasBody: boolean;
  _contentLength: number | null;
  _defaultKeepAlive: boolean;
  _last: boolean;
  _trailer: string;
  _removedConnection: boolean;
  _removedContLen: boolean;
  _removedTE: boolean;
  _implicitHeader(): void;
  _storeHeader(statusLine: string, headers: unknown): void;
  _send(...args: unknown[]): boolean;
  writeHeader(...args: unknown[]): unknown;
  /** Not a method of Node: compression adds it. */
  flush?(): void;
  /** Not on HTTP/2. */
  getRawHeaderNames?(): string[];
};

export type NativeRequest = IncomingMessage;

/**
 * Parts of a readable stream that Node does not document. Since Node 22 `buffer` is a list with a
 * `bufferIndex`; before, it iterates from its head.
 */
export type RequestInternals = NativeRequest & {
  /** Express links the response on the request. */
  readonly res?: ServerResponse;
  readonly _readableState: {
    autoDestroy: boolean;
    readonly buffer: Iterable<Uint8Array | string>;
    readonly bufferIndex?: number;
    readonly ended: boolean;
  };
  /** Set while Node reads what nobody has read. */
  readonly _dumped?: boolean;
  _read(size: number): void;
  push(chunk: unknown, encoding?: BufferEncoding): boolean;
};

/** The header argument of `writeHead`. */
export type RawHead = Parameters<ServerResponse['writeHead']>[1];

export type Callback = (error?: Error | null) => void;
