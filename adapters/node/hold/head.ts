import { ServerResponse, STATUS_CODES } from 'node:http';
import { isBodyless } from '../../../core/adapter.js';
import type { NativeResponse, RawHead } from '../node-types.js';
import { type Sink, setReason } from '../response/write-response.js';
import { areDetached, changeHeaders } from './detached-headers.js';
import { dropHeaders, makeHead, ofFraming } from './framing.js';
import { copyOf, copyOfHead, pairsOf, setPairs } from './raw-head.js';

/**
 * Stands in `res._header` during a hold, so that `headersSent`, `setHeader` and others behave as after the
 * head.
 */
const placeholder = 'HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
const illegalReason = /[^\t\x20-\x7e\x80-\xff]/;
const native = ServerResponse.prototype as NativeResponse;

/** The head that native code has made. It is not sent yet, and middleware may change it. */
export class CapturedHead {
  /** The status of the head. A status that native code sets later changes nothing, as without a hold. */
  status = 200;
  reason: string | undefined;
  /** Whether the response has a body for its readers: not in answer to HEAD, nor with 204, 205 or 304. */
  hasBody = true;
  protected readonly res: NativeResponse;
  /** Headers passed to `writeHead`, which Node sends as they are. */
  #raw: RawHead | undefined;
  #hadBody = true;
  #captured = 200;
  #cookies: { readonly given: string[]; readonly kept: readonly string[] } | undefined;
  #dropsBody = false;

  constructor(res: NativeResponse) {
    this.res = res;
  }

  /** Whether a middleware set a status without a body, such as 204. */
  get dropsBody(): boolean {
    return this.#dropsBody;
  }

  /**
   * Captures the arguments of `writeHead`. Throws the errors of Node, or of a foreign method outside, for
   * them.
   */
  capture(status: number, reason: unknown, headers: unknown, previous: Sink): void {
    const { res } = this;
    const isNamed = typeof reason === 'string';
    const raw = isNamed ? headers : (headers ?? reason);
    const message = isNamed ? reason : res.statusMessage;
    const code = status | 0;
    const isInvalid = code < 100 || code > 999 || (message && illegalReason.test(message));
    const isWrapped = previous.writeHead !== native.writeHead;
    if (isInvalid && isWrapped) makeHead(res, previous.writeHead, [status, reason, headers] as never);
    else if (isWrapped && Array.isArray(raw) && this.#appends(raw)) this.#raw = undefined;
    else if (isInvalid || raw !== undefined) this.#captureByNode(status, reason, headers);
    this.status = code;
    this.#captured = code;
    this.reason = message || undefined;
    res.statusCode = code;
    if (!res.statusMessage) res.statusMessage = STATUS_CODES[code] ?? 'unknown';
    // Node drops the body of such a response, as it would after the head.
    this.#keepCookies();
    this.#hadBody = res._hasBody;
    if (code === 204 || code === 304) res._hasBody = false;
    this.hasBody = res._hasBody && !isBodyless(code);
    this.shut();
  }

  /** Restores the state before the end. */
  reopen(): void {
    this.res.finished = false;
  }

  /** Refuses header changes from now on, as after the head. */
  protected shut(): void {
    this.res._header = placeholder;
  }

  /** Restores the state before the head. */
  protected open(): void {
    this.res._header = null;
  }

  /**
   * Shows native code that it has ended. Node would finish a pipelined response at its turn, so that is not
   * shown.
   */
  end(): void {
    if (this.res.socket) this.res.finished = true;
  }

  /** Throws the error of Node for a second head. */
  refuse(status: number, reason: unknown, headers: unknown): void {
    Reflect.apply(native.writeHead, this.res, [status, reason, headers]);
  }

  setStatus(status: number): void {
    this.#dropsBody = isBodyless(status) && !isBodyless(this.status);
    this.status = status;
    this.reason = undefined;
  }

  /** Turns the arguments of `writeHead` into headers of the response, so that they can be read. */
  lookAt(): void {
    const raw = this.#raw;
    if (raw === undefined) return;
    this.#raw = undefined;
    this.change(() => {
      for (const [name, value] of pairsOf(raw)) this.res.appendHeader(name, value as string);
    });
  }

  /** Sets a header as if there were no head yet. */
  setHeader(name: string, value: string | string[]): void {
    const { res } = this;
    if (areDetached(res)) return this.change(() => changeHeaders(res, () => res.setHeader(name, value)));
    this.lookAt();
    this.open();
    try {
      res.setHeader(name, value);
    } finally {
      this.shut();
    }
  }

  /** Runs a change of the headers as if there were no head yet. */
  change<T>(change: () => T): T {
    this.lookAt();
    this.open();
    try {
      return change();
    } finally {
      this.shut();
    }
  }

  /** Restores the response to its state before the head, with the status that it should have. */
  lift(): void {
    const res = this.res;
    if (this.#dropsBody) this.change(() => dropHeaders(res, ofFraming));
    this.open();
    this.reopen();
    this.#restoreCookies();
    res._hasBody = this.#hadBody;
    res.statusCode = this.status;
    setReason(res, this.reason);
  }

  /**
   * The status that native code has set since the head. It is not sent, but `res.statusCode` shows it, as
   * natively.
   */
  get lateStatus(): number | undefined {
    const { statusCode } = this.res;
    return statusCode === this.#captured ? undefined : statusCode;
  }

  /** Makes the head on a response that stands in for this one. */
  writeOn(standIn: ServerResponse): void {
    standIn.writeHead(this.status, copyOfHead(this.#raw) as never);
  }

  /** Makes the head again by the previous method. */
  replay(previous: Sink): void {
    const res = this.res;
    makeHead(res, previous.writeHead, this.#raw === undefined ? [this.status] : [this.status, this.#raw]);
  }

  /**
   * `cookies`, which Koa uses, appends to the array that `getHeader` returns. After the head, that must have
   * no effect.
   */
  #keepCookies(): void {
    const cookies = this.res.getHeader('set-cookie');
    this.#cookies = Array.isArray(cookies) ? { given: cookies, kept: [...cookies] } : undefined;
  }

  #restoreCookies(): void {
    const { given, kept } = this.#cookies ?? {};
    if (given === undefined || kept === undefined || given.length === kept.length) return;
    if (this.res.getHeader('set-cookie') === given) given.splice(0, given.length, ...kept);
  }

  /**
   * Merges a list into the headers as on-headers does for compression and sessions: a name may appear twice
   * in it, and Node 20 keeps the last one. Returns whether it did.
   */
  #appends(raw: readonly unknown[]): boolean {
    const { res } = this;
    if (res.getHeaderNames().length === 0 || raw.length % 2 !== 0 || Array.isArray(raw[0])) return false;
    const pairs = [...pairsOf(raw as never)];
    setPairs(res, pairs);
    return true;
  }

  /** Lets Node merge and check the arguments, but not make a head of them. */
  #captureByNode(...args: unknown[]): void {
    const { res } = this;
    const { _hasBody, shouldKeepAlive } = res;
    res._storeHeader = (statusLine, headers) => {
      // Node checks headers that are only arguments while it makes the head, so it makes one to throw away.
      const standIn = new ServerResponse({ method: 'GET', headers: {} } as never);
      const names = res.getHeaderNames();
      const isMerged = names.length > 0 || headers === undefined;
      for (const name of names) standIn.setHeader(name, copyOf(res.getHeader(name)) as string);
      if (isMerged) standIn.writeHead(res.statusCode);
      else Reflect.apply(native._storeHeader, standIn, [statusLine, copyOfHead(headers as RawHead)]);
      this.#raw = isMerged ? undefined : (headers as RawHead);
    };
    try {
      makeHead(res, native.writeHead, args as never);
    } finally {
      res._storeHeader = native._storeHeader;
      // The real head is made at the release; this one leaves no trace, even if Node throws.
      Object.assign(res, { _hasBody, shouldKeepAlive });
    }
  }
}
