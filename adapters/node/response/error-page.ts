import { AsyncLocalStorage } from 'node:async_hooks';
import type { Headers } from '../../../core/adapter.js';
import { headerMethods } from '../hold/detached-headers.js';
import { methodNames } from '../hold/install.js';
import type { PreviousMethods } from '../hold/previous.js';
import { http2Stream } from '../http2-stream.js';
import type { NativeResponse } from '../node-types.js';
import { cutShort } from './cut-short.js';
import { dropCall, droppedMethods, writingMethods } from './drop-call.js';
import { fillAtHead } from './fill-at-head.js';

/** How long an error page that was begun may make no call before its connection is cut, in milliseconds. */
export const patience = 5_000;

/**
 * Separates the calls of an error page from those of a handler that still streams. Enabled only while such
 * pages exist.
 */
const pages = new AsyncLocalStorage<ErrorPage>();
let openPages = 0;

const writing: ReadonlySet<string> = new Set(writingMethods);
const guarded: ReadonlySet<string> = new Set(droppedMethods);

type Method = (...args: unknown[]) => unknown;

/** What a page needs, and what it reports to. */
export interface PageOptions {
  /** Whether a native handler has not ended its answer: its further writes are dropped. */
  readonly isGuarded: boolean;
  /** Reports a page that was begun and not ended. Returns the error to cut it with. */
  readonly onStuck: () => Error;
  /** Called when that handler ends its answer. */
  readonly onDropped: () => void;
}

/**
 * What the framework answers in place of an answer that was given once. It goes out past the methods that
 * were put on the response below the layer: those have ended, and would drop it, code it or wait for ever.
 */
export class ErrorPage {
  readonly #res: NativeResponse;
  readonly #methods: PreviousMethods;
  readonly #options: PageOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(res: NativeResponse, methods: PreviousMethods, options: PageOptions) {
    this.#res = res;
    this.#methods = methods;
    this.#options = options;
    for (const name of methodNames) this.#put(name, Reflect.get(methods, name));
    if (options.isGuarded) for (const name of headerMethods) this.#guardHeaders(name);
    if (res.on !== methods.on) res.on = methods.on;
    if (res.flush !== methods.flush) Reflect.set(res, 'flush', methods.flush);
  }

  /** Adds headers to its head, below the guard: the head of a handler that streams is not filled. */
  fill(headers: Headers | undefined): void {
    if (headers === undefined) return;
    this.#res.writeHead = this.#methods.writeHead;
    fillAtHead(this.#res, headers);
    this.#put('writeHead', this.#res.writeHead);
  }

  /** Runs the framework's own error handling. */
  run(passOn: () => void): void {
    if (!this.#options.isGuarded) return passOn();
    openPages += 1;
    const closed = (): void => {
      this.#res.off('finish', closed).off('close', closed);
      openPages -= 1;
      if (openPages === 0) pages.disable();
    };
    // A replacement for Node's own response may emit only 'finish'.
    this.#res.on('finish', closed).on('close', closed);
    pages.run(this, passOn);
  }

  destroy(error: Error): void {
    cutShort(this.#res, error, this.#methods);
  }

  #put(name: (typeof methodNames)[number], method: unknown): void {
    if (typeof method !== 'function') return;
    Reflect.set(this.#res, name, (...args: unknown[]): unknown => {
      if (guarded.has(name) && this.#isForeign) return this.#drop(name, args);
      const result: unknown = Reflect.apply(method, this.#res, args);
      if (writing.has(name)) this.#called();
      return result;
    });
  }

  #guardHeaders(name: (typeof headerMethods)[number]): void {
    const method: unknown = Reflect.get(this.#res, name);
    if (typeof method !== 'function') return;
    const guard: Method = (...args) => (this.#isForeign ? this.#res : Reflect.apply(method, this.#res, args));
    Reflect.set(this.#res, name, guard);
  }

  /** Whether a call comes from the handler whose answer the page replaces. */
  get #isForeign(): boolean {
    return this.#options.isGuarded && pages.getStore() !== this;
  }

  #drop(name: string, args: unknown[]): unknown {
    // A page that lost its async context ends here too, and its client must not wait for ever.
    if (name === 'end') {
      this.#called();
      this.#options.onDropped();
    }
    return dropCall(this.#res, name, args);
  }

  get #isOver(): boolean {
    const { writableEnded, destroyed, closed } = this.#res;
    return writableEnded || destroyed || closed;
  }

  #called(): void {
    if (this.#isOver) clearTimeout(this.#timer);
    else if (this.#timer) this.#timer.refresh();
    else this.#timer = setTimeout(() => this.#expired(), patience).unref();
  }

  #expired(): void {
    if (this.#isOver) return;
    const { writableLength } = http2Stream(this.#res) ?? this.#res;
    // The client is slow, and the page waits for it.
    if (writableLength > 0) return void this.#timer?.refresh();
    this.destroy(this.#options.onStuck());
  }
}
