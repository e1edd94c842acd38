import type { BackgroundWork } from '../background/background-tasks.js';
import { misuse } from '../errors.js';
import { noOptions } from '../options.js';
import { Body } from './body.js';
import { type BodySource, type Content, contentOf, isChunk } from './body-source.js';
import { describesAnotherBody, forgetAnotherBody } from './described-body.js';
import { MemoryHead, type ResponseHead, type ResponseInit, type ViewHead } from './head.js';
import { describedBody, type Headers } from './headers.js';
import { actAs } from './platform.js';
import { body, brand, claim, head, inherit, moveTo, take, tasks } from './response-keys.js';
import type { ResponseLike } from './response-like.js';
import { ResponseTasks } from './response-tasks.js';
import { checkedStatus } from './status.js';

/**
 * The part of a response that is sent, and the work that runs after it; `Response` adds the body's readers.
 */
export class ResponseMessage {
  declare readonly [brand]: true;
  /** Created on first use unless one was passed. */
  #head: ResponseHead | undefined;
  #headers: Headers | undefined;
  #content: Content = null;
  #body: Body | undefined;
  #tasks: ResponseTasks | undefined;
  #owner: object | undefined;

  constructor(source: BodySource | undefined, init: ResponseInit | ResponseLike, mediaType?: string) {
    if (init === noOptions && source === undefined && mediaType === undefined) return;
    const { content, type } = contentOf(source);
    this.#head = new MemoryHead(init);
    this.#content = content;
    if (isMessage(init)) this[inherit](init);
    else if ('background' in init) this.background = init.background;
    const { headers, status } = this.#head;
    const describes = describesAnotherBody(init, source, content);
    if (describes) forgetAnotherBody(headers, status);
    if (describes && mediaType !== undefined) headers.delete('content-type');
    const named = (isMessage(init) ? undefined : (init as ResponseInit).mediaType) ?? mediaType ?? type;
    if (named !== undefined && !headers.has('content-type')) headers.set('content-type', named);
  }

  /**
   * Runs after the response is sent, the dependencies have exited and the injected tasks have run. Setting it
   * replaces only what was set at the same place: endpoint, exit, exception handler or middleware. All of it
   * runs, the outermost first. Reading returns the latest. Throws `HEADERS_SENT` once the response is sent.
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

  /** Internal: the body that the headers describe, if it is a stream or has been opened. */
  get [describedBody](): Body | undefined {
    const content = this.#content;
    return content === null || isChunk(content) ? this.#body : this[body];
  }

  /** Internal: the content to send, which the caller then owns. */
  [take](): Content {
    if (this.#body ?? this.#head?.openBody) return this[body].take();
    const content = this.#content;
    return content === null || isChunk(content) ? content : this[body].take();
  }

  /** Internal: moves the head and body to an adapter's view of a native response. */
  [moveTo](viewed: ViewHead): void {
    this.#head = viewed;
    this.#headers = undefined;
    this.#content = null;
    this.#body = undefined;
  }

  /** Internal: the work to run after the response. */
  get [tasks](): ResponseTasks | undefined {
    return this.#tasks;
  }

  /** Internal: appends the tasks of the response that this one was made from. */
  [inherit](from: ResponseMessage): void {
    const others = from[tasks];
    if (others === undefined) return;
    this.#tasks ??= new ResponseTasks();
    this.#tasks.inherit(others.all);
  }

  /** Internal: refuses a response that has answered another request, so that its headers do not leak. */
  [claim](owner: object): this {
    if (this.#owner !== undefined && this.#owner !== owner) throw misuse('RESPONSE_REUSED');
    this.#owner = owner;
    this.#tasks?.handOn();
    return this;
  }
}

Object.defineProperty(ResponseMessage.prototype, brand, { value: true });
actAs(ResponseMessage, 'Response');

/** Whether a value is a callnext response, even of another copy of the package. */
function isMessage(value: object): value is ResponseMessage {
  return brand in value;
}
