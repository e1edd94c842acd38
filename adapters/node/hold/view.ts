import { STATUS_CODES } from 'node:http';
import {
  type Body,
  type HeaderStore,
  Headers,
  misuse,
  type Response,
  responseOver,
  type ViewHead,
} from '../../../core/adapter.js';
import type { NativeResponse } from '../node-types.js';
import { headerText, textLines } from '../response/header-text.js';
import { changeHeaders } from './detached-headers.js';
import type { CapturedHead } from './head.js';
import { rawHeaderNames } from './header-snapshot.js';
import type { Tape } from './tape.js';
import { readerOf, type TapeReader } from './tape-reader.js';

/** The part of a hold that its view uses. */
interface Held {
  readonly res: NativeResponse;
  readonly head: CapturedHead;
  readonly tape: Tape;
  reader: TapeReader | undefined;
  readonly state: string;
}

/**
 * Returns the response that native code has started, for the middleware. Nothing is copied: changes apply to
 * what is sent.
 */
export function heldView(held: Held): Response {
  return responseOver(new HeldHead(held));
}

class HeldHead implements ViewHead, HeaderStore {
  readonly #held: Held;
  #headers: Headers | undefined;
  #isOver = false;

  constructor(held: Held) {
    this.#held = held;
  }

  openBody(): Body {
    return readerOf(this.#held).open(this.#held.head);
  }

  get status(): number {
    return this.#held.head.status;
  }

  set status(status: number) {
    if (this.isSealed) throw misuse('HEADERS_SENT', 'set the status');
    this.#held.head.setStatus(status);
  }

  get statusText(): string {
    return this.#held.head.reason ?? STATUS_CODES[this.#held.head.status] ?? '';
  }

  get headers(): Headers {
    this.#headers ??= new Headers(undefined, this);
    return this.#headers;
  }

  get isSealed(): boolean {
    return this.#isOver || this.#held.state !== 'held';
  }

  /** Seals a view that will never be sent; otherwise the state of the hold seals it. */
  seal(): void {
    this.#isOver = true;
  }

  get(name: string): string | readonly string[] | undefined {
    this.#held.head.lookAt();
    return headerText(this.#held.res.getHeader(name));
  }

  set(name: string, value: string | readonly string[]): void {
    if (this.isSealed) throw misuse('HEADERS_SENT', `set the header \`${name}\``);
    this.#held.head.setHeader(name, value as string | string[]);
  }

  delete(name: string): void {
    if (this.isSealed) throw misuse('HEADERS_SENT', `delete the header \`${name}\``);
    this.#held.head.change(() => changeHeaders(this.#held.res, () => this.#held.res.removeHeader(name)));
  }

  lines(): Iterable<readonly [string, string | readonly string[]]> {
    this.#held.head.lookAt();
    const res = this.#held.res;
    return textLines(rawHeaderNames(res), name => res.getHeader(name));
  }
}
