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
 * A request: the interface of the Fetch `Request`, plus `path route pathParams queryParams cookies client
 * state session user auth form() raw native`. Nothing is built until it is read.
 *
 * Several readers may read the body, native parsers included: received bytes are kept for the others, up to
 * the layer's `maxBodySize`. A later reader that needs more gets a 413.
 *
 * `new Request(request, { headers, body })` is the same request with changes. Pass it to `callNext`, and
 * everything below sees it.
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
   * The bytes as they arrive, still encoded if `content-encoding` says so. Throws `BODY_CONSUMED` and
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
   * Returns the body as JSON, from the bytes or from the result of a body parser. An encoded body is decoded.
   * Rejects with an HTTPException of 415 for a content type other than JSON (unless `strictContentType` is
   * `false`), a `SyntaxError` that is answered with a 400 for invalid JSON, and an HTTPException of 413 above
   * `maxBodySize`.
   */
  async json(): Promise<unknown> {
    return this[body].json(this.headers);
  }

  /** Returns the decoded body as text. Rejects with `BODY_PARSED` and with an HTTPException of 413. */
  async text(): Promise<string> {
    return this[body].text(this.headers);
  }

  /** Returns the bytes as received, still encoded if `content-encoding` says so. */
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
   * Returns the form, like `form()` without options. Rejects with a `TypeError` that is answered with a 415
   * if the body is not a form.
   */
  async formData(): Promise<FormData> {
    return this[body].formData(this.headers);
  }

  /**
   * Returns the form. Its files are `UploadFile`s, kept on disk if they do not fit into memory, and removed
   * after the last background task. A body of another type is an empty form. Later calls return what the
   * first one read.
   *
   * Rejects, in Starlette's words, with an HTTPException of 400 for an invalid form or one beyond its limits,
   * and of 413 if its fields together exceed `maxBodySize`. FastAPI's `request.form(max_files=1000,
   * max_fields=1000, max_part_size=1048576)`.
   */
  async form(options: FormOptions = {}): Promise<FormData> {
    return this[body].form(this.headers, options);
  }

  /** Returns the same request; the body may be read through both. */
  clone(): Request<State> {
    return new Request<State>(this);
  }

  /**
   * A platform `Request`, for libraries that need a real one; a new one once its body has been used. After a
   * body parser, the body is rebuilt from its result: the same data, not the same bytes. Throws
   * `BODY_PARSED`, and an HTTPException of 501 for a method that Fetch does not support.
   */
  get native(): FetchRequest {
    const { url } = this;
    let native = this.#native;
    if (native?.url !== url || native.request.bodyUsed) {
      native = { url, request: toFetchRequest(this, this[body]) };
      this.#native = native;
    }
    return native.request;
  }
}

addFetchMembers(Request.prototype);
Object.defineProperties(Request.prototype, {
  duplex: { value: 'half' },
  [Symbol.toStringTag]: { value: 'Request' },
});

/** Whether a value is a callnext request, even of another copy of the package. */
export function isOurRequest(value: unknown): value is Request {
  return typeof value === 'object' && value !== null && brand in value;
}
