import type { BackgroundWork } from '../background/background-tasks.js';
import { misuse } from '../errors.js';
import { noOptions } from '../options.js';
import { Body } from './body.js';
import { type BodySource, type Bytes, type Content, contentOf, isChunk } from './body-source.js';
import { type CookieOptions, cookieLine, endedCookieLine } from './cookies.js';
import { describesAnotherBody, forgetAnotherBody } from './described-body.js';
import type { Files } from './files.js';
import { formDataOf } from './form.js';
import {
  checkInit,
  MemoryHead,
  type ResponseHead,
  type ResponseInit,
  responseOptions,
  type ViewHead,
} from './head.js';
import { describedBody, type Headers, markAsCopy } from './headers.js';
import { serialize } from './json.js';
import { locationOf } from './location.js';
import { actAs } from './platform.js';
import type { Request } from './request.js';
import {
  body,
  brand,
  claim,
  head,
  inherit,
  moveTo,
  optionNames,
  prepare,
  take,
  tasks,
} from './response-keys.js';
import { linesOf, type ResponseLike } from './response-like.js';
import { ResponseTasks } from './response-tasks.js';
import { checkedStatus } from './status.js';

/**
 * A response: the interface of the Fetch `Response`, with a status that may be set and headers that may be changed
 * until it is sent, and a body that may be read and is sent all the same.
 *
 * ```ts
 * const response = await callNext(request);
 * response.headers.set('x-frame-options', 'DENY');
 * return response;
 * ```
 *
 * Throws `BODY_SOURCE`, `OPTIONS` and `UNKNOWN_OPTION`, `STATUS` for a status outside 200–599, and `HEADERS_SENT` for a change after it was sent.
 */
export class Response {
  static readonly [optionNames]: Readonly<Record<string, true>> = responseOptions;
  declare readonly redirected: false;
  declare readonly type: 'default';
  declare readonly url: '';
  declare readonly [Symbol.toStringTag]: string;
  declare readonly [brand]: true;
  /** Made when somebody asks, where nothing was given to make it of. */
  #head: ResponseHead | undefined;
  #headers: Headers | undefined;
  #content: Content = null;
  #body: Body | undefined;
  #tasks: ResponseTasks | undefined;
  #owner: object | undefined;

  /** `mediaType` is the `content-type` where `init` names none. */
  constructor(source?: BodySource, init: ResponseInit | ResponseLike = noOptions, mediaType?: string) {
    if (init !== noOptions) checkInit(new.target, init);
    else if (source === undefined && mediaType === undefined) return;
    const { content, type } = contentOf(source);
    this.#head = new MemoryHead(init);
    this.#content = content;
    if (isOurs(init)) this[inherit](init);
    else if ('background' in init) this.background = init.background;
    const { headers, status } = this.#head;
    const describes = describesAnotherBody(init, source, content);
    if (describes) forgetAnotherBody(headers, status);
    if (describes && mediaType !== undefined) headers.delete('content-type');
    const named = (init as ResponseInit).mediaType ?? mediaType ?? type;
    if (named !== undefined && !headers.has('content-type')) headers.set('content-type', named);
  }

  /** A response over a head that lives elsewhere: an adapter's view of a native response. */
  static over(viewed: ViewHead): Response {
    const response = new Response();
    response.#head = viewed;
    return response;
  }

  /**
   * Runs after the response is sent and the dependencies have exited, after the injected tasks. Each place that a response
   * passes replaces only what it has set itself; all of it runs, the outermost first. Reads what was set last.
   * Throws `HEADERS_SENT` when the response is sent: nothing would run it.
   */
  get background(): BackgroundWork | undefined {
    return this.#tasks?.latest;
  }

  set background(work: BackgroundWork | null | undefined) {
    if (this[head].isSealed) throw misuse('HEADERS_SENT', 'set `background`');
    this.#tasks ??= new ResponseTasks();
    this.#tasks.set(work);
  }

  get status(): number {
    return this[head].status;
  }

  set status(status: number) {
    this[head].status = checkedStatus(status);
  }

  get statusText(): string {
    return this[head].statusText;
  }

  get headers(): Headers {
    if (this.#headers) return this.#headers;
    const { headers } = this[head];
    headers[describedBody] ??= this;
    this.#headers = headers;
    return headers;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** The body as a stream; `null` where there is none. What is read through it is still sent. */
  get body(): ReadableStream<Bytes> | null {
    return this[body].stream();
  }

  get bodyUsed(): boolean {
    return this[body].used;
  }

  text(): Promise<string> {
    return this[body].text();
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this[body].bytes();
    return new Uint8Array(bytes).buffer;
  }

  async bytes(): Promise<Bytes> {
    return new Uint8Array(await this[body].bytes());
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.arrayBuffer()], { type: this.headers.get('content-type') ?? '' });
  }

  async formData(): Promise<FormData> {
    return formDataOf(await this.arrayBuffer(), this.headers.get('content-type'));
  }

  /** A copy with the same head and body; each may be read by itself. What the slower one has yet to read is kept. */
  clone(): Response {
    const copy = new Response(this[body].copy(), { headers: linesOf(this) });
    markAsCopy(copy.headers, this.headers);
    copy[head].status = this.status;
    copy[inherit](this);
    return copy;
  }

  /**
   * Adds a cookie. `path` is `/` and `sameSite` is `lax` unless set, as in Starlette. The value is percent-encoded unless
   * `encoding` is `python`. Throws `ARGUMENT`, `COOKIE`, `HEADERS_SENT` and `UNKNOWN_OPTION`.
   */
  setCookie(name: string, value = '', options: CookieOptions = noOptions): void {
    this.headers.append('set-cookie', cookieLine(name, value, options));
  }

  /** Ends a cookie. Name the `path` and the `domain` that it was set with. Throws `COOKIE` and `HEADERS_SENT`. */
  deleteCookie(name: string, options: CookieOptions = noOptions): void {
    this.headers.append('set-cookie', endedCookieLine(name, options));
  }

  /** `Response.json(data, init)` of Fetch. */
  static json(data: unknown, init: ResponseInit = noOptions): Response {
    return new Response(serialize(data), init, 'application/json');
  }

  /** `Response.redirect(url, status)` of Fetch; the url may be relative, and is sent as by `RedirectResponse`. */
  static redirect(url: string | URL, status = 302): Response {
    return new Response(null, { status, headers: { location: locationOf(url, 'Response.redirect()') } });
  }

  /** Internal. */
  get [head](): ResponseHead {
    this.#head ??= new MemoryHead(noOptions);
    return this.#head;
  }

  /** Internal. */
  get [body](): Body {
    this.#body ??= this.#head?.openBody?.() ?? new Body(() => this.#content);
    return this.#body;
  }

  /** The body that the headers describe, if there is something to ask of it: it is a stream, or somebody has opened it. */
  get [describedBody](): Body | undefined {
    const content = this.#content;
    return content === null || isChunk(content) ? this.#body : this[body];
  }

  /** What is sent, from here on by whoever asks. */
  [take](): Content {
    if (this.#body ?? this.#head?.openBody) return this[body].take();
    const content = this.#content;
    return content === null || isChunk(content) ? content : this[body].take();
  }

  /** From here on its head lives elsewhere, and its body with it. */
  [moveTo](viewed: ViewHead): void {
    this.#head = viewed;
    this.#headers = undefined;
    this.#content = null;
    this.#body = undefined;
  }

  /** Internal: what runs after it, where there is something. */
  get [tasks](): ResponseTasks | undefined {
    return this.#tasks;
  }

  /** What runs after another response, of which this one was made, runs after this one. */
  [inherit](from: Response): void {
    const others = from[tasks];
    if (others === undefined) return;
    this.#tasks ??= new ResponseTasks();
    this.#tasks.inherit(others.all);
  }

  /** `undefined` where it is sent as it is. */
  [prepare](_request: Request, _files: Files | undefined): Promise<Response> | undefined {
    return undefined;
  }

  /** Refuses an object that has answered another request before: what was set there would leak into this one. */
  [claim](owner: object): this {
    if (this.#owner !== undefined && this.#owner !== owner) throw misuse('RESPONSE_REUSED');
    this.#owner = owner;
    this.#tasks?.handOn();
    return this;
  }
}

/** What is the same for all of ours, as the Fetch interface has it. */
Object.defineProperties(Response.prototype, {
  redirected: { value: false },
  type: { value: 'default' },
  url: { value: '' },
  [Symbol.toStringTag]: { value: 'Response' },
  [brand]: { value: true },
});

actAs(Response, 'Response');

/** Whether a value is a response of callnext, of this copy of the package or of another one. */
export function isOurs(value: unknown): value is Response {
  return typeof value === 'object' && value !== null && brand in value;
}
