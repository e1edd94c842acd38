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
 * The body of a request for its readers, and for all requests that are made of it: of the bytes, or of what a
 * parser has left of them. What the headers say of it (its type, its codings, its length) is given by who
 * reads, as they may be changed.
 */
export class RequestBody {
  /** The bytes as they come. */
  readonly bytes: Body;
  readonly #source: RequestSource;
  /** Whether it is not the one that the client has sent. */
  readonly #isOwn: boolean;
  #decoded: Body | undefined;
  #form: Promise<FormData> | undefined;

  /** `own` is what a middleware has put in the place of what the client has sent. */
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

  /** The whole of it, still coded. `reader` is what an error calls who asks. */
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

  /** What a Fetch library is given, with the headers that agree with it. */
  forFetch(headers: Headers): { body: FetchBody; headers: globalThis.Headers } {
    const lines = new globalThis.Headers([...headers]);
    const parsed = this.#parsed;
    if (!parsed) return { body: this.stream(headers), headers: lines };
    const body = rebuiltBody(parsed, typeOf(headers));
    for (const name of ofFraming) lines.delete(name);
    // The platform names the boundary that it writes.
    if (body instanceof FormData) lines.delete('content-type');
    return { body, headers: lines };
  }

  #kept(open: () => Content): Body {
    return new Body(open, { owner: 'request', limit: () => this.#source.maxBodySize });
  }

  /** What a parser has left, where the bytes are gone. */
  get #parsed(): ParsedBody | undefined {
    return this.#isOwn || this.bytes.used ? undefined : this.#source.parsedBody();
  }

  /** A body that says itself that it is larger than what may be kept is refused before it is read. */
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

  /**
   * A form that is coded may be a thousand times as large as what was sent, so it is held in memory like a
   * text.
   */
  async #formContent(headers: Headers): Promise<Content> {
    return codingsOf(headers) === undefined ? this.bytes.copy() : this.#decodedBody(headers).bytes();
  }
}

export function mayHaveBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** The request whose body is replaced. */
interface Replaced {
  readonly method: string;
  readonly headers: Headers;
}

/**
 * A body in the place of the client's, and the headers that agree with it. Throws `BODY_NOT_ALLOWED` and
 * `BODY_SOURCE`.
 */
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

/** The codings of a body, where it has any (RFC 9110, 8.4). */
function codingsOf(headers: Headers): string | undefined {
  const codings = headers.get('content-encoding')?.trim();
  return !codings || /^identity$/i.test(codings) ? undefined : codings;
}
