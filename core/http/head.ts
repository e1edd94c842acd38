import type { BackgroundWork } from '../background/background-tasks.js';
import { misuse } from '../errors.js';
import { checkOptions, type OptionNames } from '../options.js';
import type { Body } from './body.js';
import { MemoryHeaders } from './header-store.js';
import { areOurs, Headers, type HeadersInit, markAsCopy } from './headers.js';
import { optionNames } from './response-keys.js';
import { isResponseLike, linesOf, type ResponseLike } from './response-like.js';
import { checkedStatus, reasonPhrase } from './status.js';

/** The options of a response: those of Fetch, and the background work to run after it. */
export interface ResponseInit {
  /** 200 to 599; 200 by default. */
  status?: number;
  /** The reason phrase; by default that of the status. */
  statusText?: string;
  headers?: HeadersInit;
  /** The `content-type`, unless `headers` set one. */
  mediaType?: string;
  /** Runs after the response is sent and the dependencies have exited. */
  background?: BackgroundWork;
}

/** The names in `ResponseInit`; response classes with more options add theirs. */
export const responseOptions = {
  status: true,
  statusText: true,
  headers: true,
  mediaType: true,
  background: true,
} satisfies OptionNames<ResponseInit>;

/** The status and headers of a response, in memory or on a held native response. */
export interface ResponseHead {
  status: number;
  statusText: string;
  readonly headers: Headers;
  readonly isSealed: boolean;
  /** Whether user code chose the status; always so for a native response. */
  readonly isStatusNamed?: boolean;
  /** Makes further changes throw `HEADERS_SENT`. */
  seal(): void;
  /** Opens the body of a head that lives elsewhere. A head in memory has none. */
  openBody?(): Body;
}

/** A head that lives elsewhere, such as on a native response. Adapters implement it. */
export interface ViewHead extends ResponseHead {
  openBody(): Body;
}

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
    if (init.headers !== undefined && areOurs(init.headers)) markAsCopy(this.headers, init.headers);
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

/** Native code may have used a status that Fetch does not allow. */
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

/** Checks options; the head of another response is accepted unchanged. */
export function checkInit(
  target: { readonly name: string; readonly [optionNames]: Readonly<Record<string, true>> },
  init: ResponseInit | ResponseLike,
): void {
  const known = Object.hasOwn(target, optionNames) ? target[optionNames] : undefined;
  if (typeof init !== 'object' || init === null) throw misuse('OPTIONS', `new ${target.name}()`, init);
  if (known && !isResponseLike(init)) checkOptions(`new ${target.name}()`, init, known);
}
