import { misuse } from '../errors.js';
import { Body } from './body.js';
import { tooLarge } from './body-limits.js';
import {
  type BodySource,
  type Bytes,
  bytesOf,
  type Content,
  contentOf,
  isChunk,
  toBytes,
} from './body-source.js';
import {
  type FormLimits,
  type FormOptions,
  formLimits,
  kindOfForm,
  notAForm,
  urlencodedForm,
} from './form.js';
import { ofFraming } from './header-rules.js';
import { Headers } from './headers.js';
import { parseJSON, refuseOtherThanJSON } from './json.js';
import {
  type ParsedBody,
  parsedBytes,
  parsedForm,
  parsedJSON,
  parsedText,
  rebuiltBody,
} from './parsed-body.js';
import type { RequestSource } from './request-source.js';

type FetchBody = ReturnType<typeof rebuiltBody> | ReadableStream<Bytes> | null;

/**
 * The body of a request and of all requests derived from it: the bytes, or what a parser left of them.
 * Readers pass the headers (type, codings, length), because those may change.
 */
export class RequestBody {
  readonly bytes: Body;
  readonly #source: RequestSource;
  /** Whether a middleware replaced the client's body. */
  readonly #isOwn: boolean;
  #decoded: Body | undefined;
  #form: Promise<FormData> | undefined;

  /** `own` replaces the body that the client sent. */
  constructor(source: RequestSource, own?: { readonly content: Content }) {
    this.#source = source;
    this.#isOwn = own !== undefined;
    this.bytes = this.#kept(own ? () => own.content : () => source.body());
  }

  stream(headers: Headers): ReadableStream<Bytes> | null {
    const parsed = this.#parsed;
    return (parsed ? new Body(() => parsedBytes(parsed, typeOf(headers), 'body')) : this.bytes).stream();
  }

  async json(headers: Headers): Promise<unknown> {
    if (this.#source.strictContentType ?? true) refuseOtherThanJSON(typeOf(headers));
    const parsed = this.#parsed;
    return parsed ? parsedJSON(parsed, typeOf(headers)) : parseJSON(await this.text(headers));
  }

  async text(headers: Headers): Promise<string> {
    const parsed = this.#parsed;
    if (parsed) return parsedText(parsed, typeOf(headers));
    this.#refuseTooLarge(headers);
    return this.#decodedBody(headers).text();
  }

  /** Returns the whole body, still encoded. `reader` names the caller in errors. */
  async whole(headers: Headers, reader: string): Promise<Uint8Array> {
    const parsed = this.#parsed;
    if (parsed) return parsedBytes(parsed, typeOf(headers), reader);
    this.#refuseTooLarge(headers);
    return this.bytes.bytes();
  }

  form(headers: Headers, options: FormOptions): Promise<FormData> {
    const limits = formLimits(options, this.#source.maxBodySize);
    this.#form ??= this.#readForm(headers, limits);
    return this.#form;
  }

  async formData(headers: Headers): Promise<FormData> {
    const type = typeOf(headers);
    if (kindOfForm(type) === undefined) throw notAForm(type);
    return this.form(headers, {});
  }

  /** The body for a Fetch library, with matching headers. */
  forFetch(headers: Headers): { body: FetchBody; headers: globalThis.Headers } {
    const lines = new globalThis.Headers([...headers]);
    const parsed = this.#parsed;
    if (!parsed) return { body: this.stream(headers), headers: lines };
    const body = rebuiltBody(parsed, typeOf(headers));
    for (const name of ofFraming) lines.delete(name);
    // The platform sets the boundary that it writes.
    if (body instanceof FormData) lines.delete('content-type');
    return { body, headers: lines };
  }

  #kept(open: () => Content): Body {
    return new Body(open, { owner: 'request', limit: () => this.#source.maxBodySize });
  }

  /** The result of a parser, if the bytes are gone. */
  get #parsed(): ParsedBody | undefined {
    return this.#isOwn || this.bytes.used ? undefined : this.#source.parsedBody();
  }

  /** Refuses a body before reading if its declared length exceeds what may be kept. */
  #refuseTooLarge(headers: Headers): void {
    const limit = this.#source.maxBodySize;
    const declared = Number(headers.get('content-length') ?? 0);
    if (declared > limit && !this.#isOwn && !this.bytes.used) throw tooLarge(limit);
  }

  #decodedBody(headers: Headers): Body {
    const codings = codingsOf(headers);
    if (codings === undefined) return this.bytes;
    this.#decoded ??= this.#kept(() => {
      const content = this.bytes.copy();
      return content === null ? null : this.#source.decode(bytesOf(content), codings);
    });
    return this.#decoded;
  }

  async #readForm(headers: Headers, limits: FormLimits): Promise<FormData> {
    const type = typeOf(headers);
    const kind = kindOfForm(type);
    if (kind === undefined) return new FormData();
    const parsed = this.#parsed;
    if (parsed && parsed.raw === undefined) return parsedForm(parsed, type);
    if (kind === 'urlencoded') return urlencodedForm(await this.text(headers), limits);
    const content = parsed?.raw ?? (await this.#formContent(headers));
    return this.#source.readForm(bytesOf(content), type ?? '', limits);
  }

  /** An encoded form may expand a thousandfold, so it is held in memory like a text, within the limit. */
  async #formContent(headers: Headers): Promise<Content> {
    return codingsOf(headers) === undefined ? this.bytes.copy() : this.#decodedBody(headers).bytes();
  }
}

export function mayHaveBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

interface Replaced {
  readonly method: string;
  readonly headers: Headers;
}

/** Replaces the client's body, with matching headers. Throws `BODY_NOT_ALLOWED` and `BODY_SOURCE`. */
export function replacedBody(
  given: BodySource,
  source: RequestSource,
  request: Replaced,
): { body: RequestBody; headers: Headers } {
  const { content, type } = contentOf(given);
  if (content !== null && !mayHaveBody(request.method)) throw misuse('BODY_NOT_ALLOWED', request.method);
  const headers = new Headers(request.headers);
  for (const name of ofFraming) headers.delete(name);
  if (content !== null && !isChunk(content)) headers.set('transfer-encoding', 'chunked');
  else headers.set('content-length', String(content === null ? 0 : toBytes(content).byteLength));
  if (type !== undefined && !headers.has('content-type')) headers.set('content-type', type);
  return { body: new RequestBody(source, { content }), headers };
}

function typeOf(headers: Headers): string | null {
  return headers.get('content-type');
}

/** The codings of a body, if any (RFC 9110, 8.4). */
function codingsOf(headers: Headers): string | undefined {
  const codings = headers.get('content-encoding')?.trim();
  return !codings || /^identity$/i.test(codings) ? undefined : codings;
}
