import { STATUS_CODES } from 'node:http';
import {
  type HeaderStore,
  Headers,
  misuse,
  type Response,
  type ResponseHead,
  responseView,
} from '../../core/index.js';
import type { CapturedHead } from './captured-head.js';
import { changeHeaders } from './detached-headers.js';
import { rawHeaderNames } from './header-snapshot.js';
import { headerText, textLines } from './header-text.js';
import type { HeldBody } from './held-body.js';
import type { NativeResponse } from './node-types.js';

/**
 * The response that native code has begun, as the middleware sees it. Nothing is copied: a change is made where it is sent
 * from, for as long as it is held.
 */
export function heldView(
  res: NativeResponse,
  head: CapturedHead,
  body: HeldBody,
  isHeld: () => boolean,
): Response {
  return responseView(new HeldHead(res, head, isHeld), body.open(head));
}

class HeldHead implements ResponseHead, HeaderStore {
  readonly #res: NativeResponse;
  readonly #head: CapturedHead;
  readonly #isHeld: () => boolean;
  #headers: Headers | undefined;
  #isOver = false;

  constructor(res: NativeResponse, head: CapturedHead, isHeld: () => boolean) {
    this.#res = res;
    this.#head = head;
    this.#isHeld = isHeld;
  }

  get status(): number {
    return this.#head.status;
  }

  set status(status: number) {
    this.#refuseIfSent('set the status');
    this.#head.setStatus(status);
  }

  get statusText(): string {
    return this.#head.reason ?? STATUS_CODES[this.#head.status] ?? '';
  }

  get headers(): Headers {
    this.#headers ??= new Headers(undefined, this);
    return this.#headers;
  }

  get isSealed(): boolean {
    return this.#isOver || !this.#isHeld();
  }

  /** What is sent is known from the state of the held response, and what never will be is told here. */
  seal(): void {
    this.#isOver = true;
  }

  get(name: string): string | readonly string[] | undefined {
    this.#head.lookAt();
    return headerText(this.#res.getHeader(name));
  }

  set(name: string, value: string | readonly string[]): void {
    this.#refuseIfSent(`set the header \`${name}\``);
    this.#head.change(() =>
      changeHeaders(this.#res, () => this.#res.setHeader(name, value as string | string[])),
    );
  }

  delete(name: string): void {
    this.#refuseIfSent(`delete the header \`${name}\``);
    this.#head.change(() => changeHeaders(this.#res, () => this.#res.removeHeader(name)));
  }

  lines(): Iterable<readonly [string, string | readonly string[]]> {
    this.#head.lookAt();
    const res = this.#res;
    return textLines(rawHeaderNames(res), name => res.getHeader(name));
  }

  #refuseIfSent(action: string): void {
    if (this.isSealed) throw misuse('HEADERS_SENT', action);
  }
}
