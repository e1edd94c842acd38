import type { BackgroundWork } from '../background/background-tasks.js';
import { misuse } from '../errors.js';
import type { OptionNames } from '../options.js';
import { type Content, isChunk, toBytes } from './body-source.js';
import { type HeadersLike, linesOfHeaders } from './foreign-headers.js';
import { describedBody, Headers, type HeadersInit, MemoryHeaders, ofFraming } from './headers.js';
import { isOfPlatform } from './platform.js';
import { checkedStatus, isBodyless, reasonPhrase } from './status.js';

/** The options of a response: those of Fetch, and what runs after it. */
export interface ResponseInit {
  /** 200 to 599; 200 unless set. */
  status?: number;
  /** The reason phrase; that of the status unless set. */
  statusText?: string;
  headers?: HeadersInit;
  /** The `content-type`, where `headers` do not name one. */
  mediaType?: string;
  /** Runs after the response is sent and the dependencies have exited. */
  background?: BackgroundWork;
}

/** The names of `ResponseInit`; responses with options of their own add theirs. */
export const responseOptions = {
  status: true,
  statusText: true,
  headers: true,
  mediaType: true,
  background: true,
} satisfies OptionNames<ResponseInit>;

/** The status and the headers of a response, wherever they live: in memory, or in a native response that is held. */
export interface ResponseHead {
  status: number;
  statusText: string;
  readonly headers: Headers;
  readonly isSealed: boolean;
  /** Whether somebody has chosen the status; of a response that is not in memory, somebody has. */
  readonly isStatusNamed?: boolean;
  /** From here on, changes throw `HEADERS_SENT`. */
  seal(): void;
}

/** Anything with the shape of a Fetch `Response`: the platform's, undici's, a ponyfill's, or ours. */
export interface ResponseLike {
  readonly status: number;
  readonly statusText?: string;
  readonly headers: HeadersLike;
  readonly body?: ReadableStream<Uint8Array> | unknown;
  readonly bodyUsed?: boolean;
}

/** Whether a value has the shape of a Fetch `Response`. */
export function isResponseLike(value: unknown): value is ResponseLike {
  if (typeof value !== 'object' || value === null) return false;
  const { status, headers } = value as Partial<ResponseLike>;
  return (
    typeof status === 'number' && typeof headers?.get === 'function' && typeof headers.forEach === 'function'
  );
}

/** The head of a response that is in memory. */
export class MemoryHead implements ResponseHead {
  readonly headers: Headers;
  isStatusNamed: boolean;
  readonly #lines = new MemoryHeaders();
  #status: number;
  #statusText: string | undefined;
  #sealed = false;

  constructor(init: ResponseInit | ResponseLike) {
    const { status } = init;
    this.isStatusNamed = status !== undefined;
    this.#status =
      status === undefined ? 200 : isResponseLike(init) ? takenStatus(status) : checkedStatus(status);
    this.#statusText = checkedReason(init.statusText);
    this.headers = new Headers(headersOf(init), this.#lines);
  }

  get status(): number {
    return this.#status;
  }

  set status(status: number) {
    if (this.#sealed) throw misuse('HEADERS_SENT', 'set the status');
    this.#status = status;
    this.isStatusNamed = true;
    this.#statusText = undefined;
  }

  get statusText(): string {
    return this.#statusText ?? reasonPhrase(this.#status);
  }

  get isSealed(): boolean {
    return this.#sealed;
  }

  seal(): void {
    this.#sealed = true;
    this.#lines.seal();
  }
}

/** Native code may have answered with a status that Fetch does not know. */
function takenStatus(status: number): number {
  return status >= 100 && status <= 999 ? status : checkedStatus(status);
}

function checkedReason(reason: string | undefined): string | undefined {
  if (reason && /[^\t\x20-\x7e\x80-\xff]/.test(reason)) throw misuse('HEADER_VALUE', 'statusText');
  return reason || undefined;
}

function headersOf(init: ResponseInit | ResponseLike): HeadersInit | undefined {
  if (isResponseLike(init)) return linesOf(init);
  const { headers } = init as ResponseInit;
  return headers;
}

/** The lines of a response of any make, each `set-cookie` by itself. */
export function linesOf(response: ResponseLike): [string, string][] {
  return linesOfHeaders(response.headers);
}

/** Whether headers frame a body that is another one: its length is another, or is not known. */
function framesAnother(headers: globalThis.Headers, content: Content): boolean {
  if (content === null || !ofFraming.some(name => headers.has(name))) return false;
  if (isChunk(content)) return headers.get('content-length') !== String(toBytes(content).byteLength);
  return !headers.has('content-range');
}

/** Whether a message answers HEAD, so that `response.body?.pipeThrough(…)` is nothing: nobody knows what it would be. */
function isKeptBack({ headers, status = 200 }: ResponseInit | ResponseLike): boolean {
  const isNothing = areOurs(headers) && headers[describedBody]?.[describedBody]?.isNothing === true;
  return isNothing && !isBodyless(status);
}

/**
 * Whether headers come from another message, and say things of its body that do not hold for this one. The same bytes, or
 * the stream of the body itself, keep what is said of them.
 */
export function describesAnotherBody(
  init: ResponseInit | ResponseLike,
  source: unknown,
  content: Content,
): boolean {
  const { headers } = init;
  if (source === undefined) return isKeptBack(init);
  if (isResponseLike(init) && !areOurs(headers)) return true;
  // Those of the platform do not tell where they come from; those of a message say how its body is framed.
  if (isOfPlatform('Headers', headers)) return framesAnother(headers, content);
  if (!areOurs(headers)) return false;
  const message = headers[describedBody];
  if (message === undefined) return false;
  return message[describedBody]?.gave(source, content) !== true;
}

/** Also those of another copy of the package. */
function areOurs(headers: unknown): headers is Headers {
  return typeof headers === 'object' && headers !== null && describedBody in headers;
}
