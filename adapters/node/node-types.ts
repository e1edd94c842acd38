import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * The members of a native response that a held one stands in front of. `_header`, `_implicitHeader`, `_send`
 * and `_storeHeader` are not documented by Node; they are the same from Node 18 to 24, and compression,
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
  /** Not Node's: compression adds it. */
  flush?(): void;
  /** Not on HTTP/2. */
  getRawHeaderNames?(): string[];
};

export type NativeRequest = IncomingMessage;

/**
 * Parts of a readable stream that Node does not document. From Node 22 on `buffer` is a list with a
 * `bufferIndex`, before it iterates from its head.
 */
export type RequestInternals = NativeRequest & {
  /** Express names the response on the request. */
  readonly res?: ServerResponse;
  readonly _readableState: {
    autoDestroy: boolean;
    readonly buffer: Iterable<Uint8Array | string>;
    readonly bufferIndex?: number;
    readonly ended: boolean;
  };
  /** Set where Node reads what nobody has read. */
  readonly _dumped?: boolean;
  _read(size: number): void;
  push(chunk: unknown, encoding?: BufferEncoding): boolean;
};

/** What may be given as the header argument of `writeHead`. */
export type RawHead = Parameters<ServerResponse['writeHead']>[1];

export type Callback = (error?: Error | null) => void;
