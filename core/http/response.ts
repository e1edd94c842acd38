import { type BackgroundWork, checkedWork } from '../background/background-tasks.js';
import { misuse } from '../errors.js';
import { checkOptions, noOptions } from '../options.js';
import { Body, formDataOf } from './body.js';
import { type BodySource, type Bytes, type Content, contentOf } from './body-source.js';
import { areUndone, isCodedAs } from './coded-body.js';
import { type CookieOptions, cookieLine, endedCookieLine } from './cookies.js';
import type { Files } from './files.js';
import { describedBody, type Headers, markAsCopy, ofFraming, ofHop } from './headers.js';
import { serialize } from './json.js';
import { locationOf } from './location.js';
import { actAs, isOfPlatform } from './platform.js';
import { type Request, sourceOf } from './request.js';
import {
  describesAnotherBody,
  isResponseLike,
  linesOf,
  MemoryHead,
  type ResponseHead,
  type ResponseInit,
  type ResponseLike,
  responseOptions,
} from './response-head.js';
import { checkedStatus, isBodyless } from './status.js';

const brand = Symbol.for('callnext.Response');
/** What makes the response that is sent of one that depends on the request, such as a file. */
export const prepare: unique symbol = Symbol.for('callnext.Response.prepare') as never;
const parts = Symbol.for('callnext.Response.parts');
const headKey = Symbol.for('callnext.Response.head');
const moveTo = Symbol.for('callnext.Response.moveTo');
const claim = Symbol.for('callnext.Response.claim');
const isView = Symbol.for('callnext.Response.isView');
const handOn = Symbol.for('callnext.Response.handOn');
const works = Symbol.for('callnext.Response.works');
/** The options that a class of responses takes. One that a user has derived takes what it likes. */
export const optionNames: unique symbol = Symbol.for('callnext.Response.optionNames') as never;
const inherit = Symbol.for('callnext.Response.inherit');
const seal = Symbol.for('callnext.Response.seal');
const noWorks: readonly never[] = [];
/** What headers say of the bytes of one body, and nothing of another one (RFC 9110, 8 and 14; RFC 9530). */
const ofBody = [
  'content-length',
  'transfer-encoding',
  'trailer',
  'content-encoding',
  'etag',
  'last-modified',
  'accept-ranges',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
];

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
  #background: BackgroundWork | undefined;
  /** What was set further in, the outermost first: it runs after what is set here. */
  #handedOn: readonly BackgroundWork[] = noWorks;
  #head: ResponseHead;
  /** Of a view, it is made when somebody asks for it. */
  #ownBody: Body | undefined;
  [isView]: boolean;
  #owner: object | undefined;

  /** `mediaType` is the `content-type` where `init` names none. */
  constructor(source?: BodySource, init: ResponseInit | ResponseLike = noOptions, mediaType?: string) {
    const view = source instanceof ResponseView ? source : undefined;
    this[isView] = view !== undefined;
    if (view) {
      this.#head = view.head;
      return;
    }
    if (init !== noOptions) checkInit(new.target, init);
    const { content, type } = contentOf(source as BodySource);
    this.#head = new MemoryHead(init);
    this.#ownBody = new Body(() => content);
    if (isOurs(init)) this.#handedOn = init[works]();
    else if ('background' in init) this.background = init.background;
    const { headers } = this.#head;
    const describes = describesAnotherBody(init, source, content);
    if (describes) this.#forgetAnotherBody();
    if (describes && mediaType !== undefined) headers.delete('content-type');
    const named = (init as ResponseInit).mediaType ?? mediaType ?? type;
    if (named !== undefined && !headers.has('content-type')) headers.set('content-type', named);
  }

  /**
   * Runs after the response is sent and the dependencies have exited, after the injected tasks.
   * Each place that a response passes (endpoint, exit of scope `function`, exception handler, middleware) replaces only what it has set
   * itself. All of it runs, the outermost first. Reads what was set last.
   * Setting it when the response is sent throws `HEADERS_SENT`: nothing would run it.
   */
  get background(): BackgroundWork | undefined {
    return this.#background ?? this.#handedOn[0];
  }

  set background(work: BackgroundWork | null | undefined) {
    if (this.#head.isSealed) throw misuse('HEADERS_SENT', 'set `background`');
    this.#background = checkedWork(work);
  }

  get status(): number {
    return this.#head.status;
  }

  set status(status: number) {
    this.#head.status = checkedStatus(status);
  }

  get statusText(): string {
    return this.#head.statusText;
  }

  get headers(): Headers {
    const { headers } = this.#head;
    headers[describedBody] ??= this;
    return headers;
  }

  get #body(): Body {
    this.#ownBody ??= (this.#head as ViewHead).openBody();
    return this.#ownBody;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  get redirected(): boolean {
    return false;
  }

  get type(): 'default' {
    return 'default';
  }

  get url(): string {
    return '';
  }

  /** The body as a stream; `null` where there is none. What is read through it is still sent. */
  get body(): ReadableStream<Bytes> | null {
    return this.#body.stream();
  }

  get bodyUsed(): boolean {
    return this.#body.used;
  }

  text(): Promise<string> {
    return this.#body.text();
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.#body.bytes();
    return new Uint8Array(bytes).buffer;
  }

  async bytes(): Promise<Bytes> {
    return new Uint8Array(await this.#body.bytes());
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.arrayBuffer()], { type: this.headers.get('content-type') ?? '' });
  }

  async formData(): Promise<FormData> {
    return formDataOf(await this.arrayBuffer(), this.headers.get('content-type'));
  }

  /** A copy with the same head and body; each may be read by itself. What the slower one has yet to read is kept. */
  clone(): Response {
    const copy = new Response(this.#body.copy(), { headers: linesOf(this) });
    markAsCopy(copy.headers, this.headers);
    copy.#head.status = this.status;
    copy.#handedOn = this[works]();
    return copy;
  }

  /** A part of a body keeps what says which part it is. */
  #forgetAnotherBody(): void {
    const { headers, status } = this.#head;
    for (const name of ofBody) headers.delete(name);
    if (status !== 206) headers.delete('content-range');
  }

  get [Symbol.toStringTag](): string {
    return 'Response';
  }

  get [brand](): true {
    return true;
  }

  /**
   * Adds a cookie. `path` is `/` and `sameSite` is `lax` unless set, as in Starlette. The value is
   * percent-encoded unless `encoding` is `python`.
   * Throws `ARGUMENT`, `COOKIE`, `HEADERS_SENT` and `UNKNOWN_OPTION`.
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

  /** What an adapter sends. Internal, and reached by symbol, so that two copies of the package understand each other. */
  [parts](): ResponseParts {
    return { head: this.#head, body: this.#body };
  }

  get [headKey](): ResponseHead {
    return this.#head;
  }

  /** From here on its head lives elsewhere, and its body with it. */
  [moveTo](head: ViewHead): void {
    this.#head = head;
    this.#ownBody = undefined;
    this[isView] = true;
  }

  /** From here on, changes throw `HEADERS_SENT`. */
  [seal](): void {
    this.#head.seal();
  }

  /** The body that the headers describe, if somebody has asked for it. */
  get [describedBody](): Body | undefined {
    return this.#ownBody;
  }

  /** `undefined` where it is sent as it is. */
  [prepare](_request: Request, _files: Files | undefined): Promise<Response> | undefined {
    return undefined;
  }

  /** Refuses an object that has answered another request before: what was set there would leak into this one. */
  [claim](owner: object): this {
    if (this.#owner !== undefined && this.#owner !== owner) throw misuse('RESPONSE_REUSED');
    this.#owner = owner;
    return this[handOn]();
  }

  /** What is set from here on is set by somebody else: it comes before what was set until now, and does not replace it. */
  [handOn](): this {
    if (this.#background !== undefined) this.#handedOn = this[works]();
    this.#background = undefined;
    return this;
  }

  /** All that runs after it, in this order. */
  [works](): readonly BackgroundWork[] {
    return this.#background === undefined ? this.#handedOn : [this.#background, ...this.#handedOn];
  }

  /** What runs after another response, which this one was made of, runs after this one. */
  [inherit](response: Response): this {
    this.#handedOn = [...this[works](), ...response[works]()];
    this.#background = undefined;
    return this;
  }
}

/** The head of another response is taken as it is. */
function checkInit(target: typeof Response, init: ResponseInit | ResponseLike): void {
  const known = Object.hasOwn(target, optionNames) ? target[optionNames] : undefined;
  if (typeof init !== 'object' || init === null) throw misuse('OPTIONS', `new ${target.name}()`, init);
  if (known && !isResponseLike(init)) checkOptions(`new ${target.name}()`, init, known);
}

actAs(Response, 'Response');

/** The head and the body of a response. */
export interface ResponseParts {
  readonly head: ResponseHead;
  readonly body: Body;
}

/** A head that lives elsewhere, and the body that comes with it. */
export interface ViewHead extends ResponseHead {
  openBody(): Body;
}

class ResponseView {
  readonly head: ViewHead;

  constructor(head: ViewHead) {
    this.head = head;
  }
}

/** A response over a head and a body that live elsewhere: an adapter's view of a native response. */
export function responseView(head: ViewHead): Response {
  return new Response(new ResponseView(head) as never);
}

/** Makes a response the view of a native one that its head and its body were put onto. */
export function moveResponse(response: Response, head: ViewHead): void {
  response[moveTo](head);
}

/** The head of a response alone. */
export function headOf(response: Response): ResponseHead {
  return response[headKey];
}

/** The response is on its way: changes throw from here on. */
export function sealResponse(response: Response): void {
  response[seal]();
}

/** The body of a response, if somebody has asked for it. */
export function openedBodyOf(response: Response): Body | undefined {
  return response[describedBody];
}

/** The head and the body of a response, for those who send it. */
export function partsOf(response: Response): ResponseParts {
  return response[parts]();
}

/** Whether it is an adapter's view of what native code answers. */
export function isNativeView(response: Response): boolean {
  return response[isView];
}

/** Ties a response to the request it answers. Throws `RESPONSE_REUSED` if it has answered another one. */
export function claimFor(owner: object, response: Response): Response {
  return response[claim](owner);
}

/** All that is to run after a response, the outermost first. */
export function worksOf(response: Response): readonly BackgroundWork[] {
  return response[works]();
}

/** Keeps what an exit of scope `function` has set as `background` from being replaced by the next one. */
export function handOnWorks(response: Response): void {
  response[handOn]();
}

/** Whether a value is a response of callnext, of this copy of the package or of another one. */
export function isOurs(value: unknown): value is Response {
  return typeof value === 'object' && value !== null && brand in value;
}

/** A Fetch response of any make as one of ours; ours pass as they are. */
export function fromResponseLike(value: ResponseLike): Response {
  if (isOurs(value)) return value;
  if (value.bodyUsed) throw misuse('BODY_CONSUMED', 'returned response');
  const { status, statusText = '' } = value;
  const codings = value.headers.get('content-encoding');
  const isDecoded = codings !== null && isFetched(value) && areUndone(codings);
  const Kind = codings === null || isDecoded ? Response : CodedResponse;
  const response = new Kind(value.body as BodySource, { status, statusText, headers: linesOf(value) });
  // The length is that of the coded body.
  for (const name of isDecoded ? ofFraming : ofHop) response.headers.delete(name);
  return response;
}

/** A foreign response that says that it is coded, of which the bytes tell whether it is. */
class CodedResponse extends Response {
  override async [prepare](request: Request): Promise<Response> {
    const { status, statusText } = this;
    const { body } = partsOf(this);
    const headers = [...this.headers];
    const codings = this.headers.get('content-encoding') ?? '';
    const isUnchanged = status === 304 || (await isCodedAs(codings, { body, source: sourceOf(request) }));
    const kept = isUnchanged ? headers : headers.filter(([name]) => !ofFraming.includes(name));
    return new Response(body.content() as BodySource, { status, statusText, headers: kept });
  }
}

/** What a response needs of the exchange that it answers. */
export interface Answered {
  readonly files: Files | undefined;
  /** A response that will not be sent. */
  replaced(response: Response): void;
}

/**
 * What user code has answered a request with, as the response that goes on: of ours, tied to the exchange, and of a file what is sent of it.
 * Throws `RESPONSE_REUSED`, and rejects with `FILE`.
 */
export function accept(run: Answered, value: ResponseLike, request: Request): Response | Promise<Response> {
  const response = claimFor(run, fromResponseLike(value));
  const prepared = response[prepare](request, run.files);
  return prepared === undefined ? response : acceptPrepared(run, response, prepared);
}

async function acceptPrepared(
  run: Answered,
  response: Response,
  prepared: Promise<Response>,
): Promise<Response> {
  try {
    return claimFor(run, await prepared)[inherit](response);
  } catch (thrown) {
    run.replaced(response);
    throw thrown;
  }
}

/** What `fetch` gives has a url, and a body that is decoded already. Of node-fetch, what is made of it has the url too. */
function isFetched(value: ResponseLike): boolean {
  const { url } = value as { url?: unknown };
  return isOfPlatform('Response', value) && typeof url === 'string' && url !== '';
}

/** What of a response is sent: no body where its status or the request's method has none. */
export function contentToSend(response: Response, method: string): Content {
  const { head, body } = partsOf(response);
  return method === 'HEAD' || isBodyless(head.status) ? null : body.content();
}
