import { checkOptions, noOptions } from '../options.js';
import type { Bytes } from './body-source.js';
import { addFetchMembers, type FetchRequest, toFetchRequest } from './fetch-request.js';
import type { FormOptions } from './form.js';
import { mayHaveBody } from './request-body.js';
import { RequestHead } from './request-head.js';
import { type RequestInit, type RequestState, requestOptions } from './request-init.js';
import { body, brand, source } from './request-keys.js';
import type { RequestSource } from './request-source.js';
import type { Route } from './route.js';

/** A platform request, and the url that it was made for: native code may reroute the request. */
interface Native {
  readonly url: string;
  readonly request: FetchRequest;
}

/**
 * A request: the interface of the Fetch `Request`, and
 * `path route pathParams queryParams cookies client state session user auth form() raw native`. Nothing is
 * built until it is read.
 *
 * The body may be read by several readers, native parsers among them: what has arrived is kept for the
 * others, up to the layer's `maxBodySize`. A reader that needs more than that of it is refused with a 413.
 *
 * `new Request(request, { headers, body })` is the same request with other headers and another body; given to
 * `callNext`, everything below sees it.
 */
export class Request<State extends object = RequestState> extends RequestHead<State> {
  declare readonly cache: FetchRequest['cache'];
  declare readonly credentials: FetchRequest['credentials'];
  declare readonly destination: FetchRequest['destination'];
  declare readonly duplex: 'half';
  declare readonly integrity: string;
  declare readonly keepalive: boolean;
  declare readonly mode: FetchRequest['mode'];
  declare readonly redirect: FetchRequest['redirect'];
  declare readonly referrer: string;
  declare readonly referrerPolicy: FetchRequest['referrerPolicy'];
  declare readonly [Symbol.toStringTag]: string;
  #native: Native | undefined;

  constructor(from: Request<State> | RequestSource, init: RequestInit = noOptions) {
    if (init !== noOptions && new.target === Request) checkOptions('new Request()', init, requestOptions);
    super(from, init);
  }

  /**
   * The bytes as they arrive, still coded where `content-encoding` says so. Throws `BODY_CONSUMED` and
   * `BODY_PARSED`.
   */
  get body(): ReadableStream<Bytes> | null {
    return mayHaveBody(this.method) ? this[body].stream(this.headers) : null;
  }

  /**
   * The matched route, as a template for metrics and logs: a middleware reads it after `callNext`. FastAPI's
   * `request.scope["route"]`.
   */
  get route(): Route | undefined {
    return this[source].route;
  }

  get bodyUsed(): boolean {
    return this[body].bytes.used;
  }

  /**
   * The body as JSON: of the bytes, or what a body parser made of them. A coded body is decoded. Rejects with
   * an HTTPException of 415 for a content type that is not JSON, and for none, unless
   * `new Layer({ strictContentType: false })` says otherwise; with a `SyntaxError` that is answered with a
   * 400 for invalid JSON; and with an HTTPException of 413 for more than `maxBodySize`.
   */
  async json(): Promise<unknown> {
    return this[body].json(this.headers);
  }

  /** The body as text, decoded. Rejects with `BODY_PARSED` and with an HTTPException of 413. */
  async text(): Promise<string> {
    return this[body].text(this.headers);
  }

  /** The bytes as they came, still coded where `content-encoding` says so. */
  async bytes(): Promise<Bytes> {
    return new Uint8Array(await this[body].whole(this.headers, 'bytes()'));
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(await this[body].whole(this.headers, 'arrayBuffer()')).buffer;
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.arrayBuffer()], { type: this.headers.get('content-type') ?? '' });
  }

  /**
   * The form, as `form()` reads it without options. Rejects with a `TypeError` that is answered with a 415
   * for what is none.
   */
  async formData(): Promise<FormData> {
    return this[body].formData(this.headers);
  }

  /**
   * The form, read as it arrives: its files are `UploadFile`s, on disk where they do not fit into memory, and
   * removed when the last background task has run. A body of another type is an empty form. Read once; what a
   * later call asks for is what the first has read.
   *
   * Rejects with an HTTPException of 400 in Starlette's words for a form that is broken or beyond its limits,
   * and of 413 where its fields together are more than `maxBodySize`. FastAPI's
   * `request.form(max_files=1000, max_fields=1000, max_part_size=1048576)`.
   */
  async form(options: FormOptions = {}): Promise<FormData> {
    return this[body].form(this.headers, options);
  }

  /** The same request: its body may be read by both. */
  clone(): Request<State> {
    return new Request<State>(this);
  }

  /**
   * A Fetch `Request` of the platform, for libraries that need a real one; another one when its body has been
   * used. Where a body parser has left only its result, the body is written anew from that: the same data,
   * not the same bytes. Throws `BODY_PARSED`, and an HTTPException of 501 for a method that Fetch does not
   * know.
   */
  get native(): FetchRequest {
    const { url } = this;
    const isCurrent = this.#native?.url === url && !this.#native.request.bodyUsed;
    if (!isCurrent) this.#native = { url, request: toFetchRequest(this, this[body]) };
    return (this.#native as Native).request;
  }
}

addFetchMembers(Request.prototype);
Object.defineProperties(Request.prototype, {
  duplex: { value: 'half' },
  [Symbol.toStringTag]: { value: 'Request' },
});

/** Whether a value is a request of callnext, of this copy of the package or of another one. */
export function isOurRequest(value: unknown): value is Request {
  return typeof value === 'object' && value !== null && brand in value;
}
