import { parse as parseQuery } from 'node:querystring';
import {
  bytesOf,
  type Client,
  type Content,
  changedBody,
  defaultMaxBodySize,
  type FormLimits,
  type HeaderStore,
  Headers,
  misuse,
  type ParsedBody,
  parseJSON,
  type Request,
  type RequestSource,
  type RouterParams,
  searchOf,
  tooLarge,
} from '../../core/adapter.js';
import { decodeBody } from './body/decode-body.js';
import { refill } from './body/refill-request.js';
import { RequestTap } from './body/request-tap.js';
import { TemporaryFiles } from './body/temporary-files.js';
import { headerLines, noteChange } from './hold/header-lines.js';
import { http2Stream } from './http2-stream.js';
import type { NativeRequest } from './node-types.js';
import { headerText, textLines } from './response/header-text.js';
import type { ResponseEnd } from './response/response-end.js';
import { absoluteUrl, namesOneHost, pathOf, type Target } from './target.js';

/** What a framework knows of a request beyond Node. */
export interface FrameworkRequest {
  /** The native objects that users of the framework know. */
  readonly raw: unknown;
  /** That of the connection, or of a trusted proxy; never the one that a target names. */
  readonly scheme: string;
  /** The host as it was sent, as far as a proxy in front is trusted to name it. */
  readonly host: string | undefined;
  /** The path and the query that the framework routes by now: the whole ones, with the path of the mounts around. */
  readonly target: Target;
  /** The target as the client has sent it. */
  readonly asked: string;
  /** As native code has it now: while it is the same, `target` is. */
  readonly nativeTarget: string;
  /** A middleware has given the request another target, a whole one; it is what mounts take their path away from now. */
  targetChanged?(target: string): void;
  /** The template that has matched, such as `/items/:id`, where the framework says so. */
  readonly route?: string | undefined;
  readonly pathParams: RouterParams;
  /** The peer, as far as a proxy in front is trusted to name it. */
  readonly client: Client | null;
  /** Where the framework's body parsers put their result; its value is `undefined` if there is none. */
  readonly parsedBody: ParsedBody;
  /** Puts another result there, or none, when the body has been changed. */
  setParsedBody(value: unknown): void;
}

/** Who answers where native code is refused the rest of a body. */
export interface BodyOwner {
  /** `isTold`: whether native code listens to errors of the request. */
  refuseBody(error: Error, isTold: boolean): void;
}

/** A request over Node's. Nothing is read before it is asked for. */
export class NodeRequestSource implements RequestSource {
  readonly method: string;
  maxBodySize: number = defaultMaxBodySize;
  #bodyLimit = Number.POSITIVE_INFINITY;
  /** Told where native code reads more of a body than may come. An object, as a closure for each request makes garbage collection four times as long. */
  owner: BodyOwner | undefined;
  end: ResponseEnd | undefined;
  readonly #req: NativeRequest;
  readonly #framework: FrameworkRequest;
  readonly #tap: RequestTap | undefined;
  #files: TemporaryFiles | undefined;
  #isReleased = false;

  constructor(req: NativeRequest, framework: FrameworkRequest) {
    this.#req = req;
    this.#framework = framework;
    this.method = req.method ?? 'GET';
    if (mayHaveBody(req)) this.#tap = RequestTap.on(req, this);
  }

  get bodyLimit(): number {
    return this.#bodyLimit;
  }

  set bodyLimit(bytes: number) {
    if (this.#bodyLimit === Number.POSITIVE_INFINITY) this.#tap?.watch();
    this.#bodyLimit = bytes;
  }

  refused(error: Error, isTold: boolean): void {
    this.owner?.refuseBody(error, isTold);
  }

  get url(): string {
    const { scheme, host, target } = this.#framework;
    return absoluteUrl(scheme, host, pathOf(target) + target.search);
  }

  get path(): string {
    return pathOf(this.#framework.target);
  }

  get route(): string | undefined {
    return this.#framework.route;
  }

  get nativeTarget(): string {
    return this.#framework.nativeTarget;
  }

  get host(): string | undefined {
    const { host, asked } = this.#framework;
    return namesOneHost(this.#req, asked) ? host : undefined;
  }

  get headers(): Headers {
    return new Headers(undefined, new RequestHeaders(this.#req));
  }

  get raw(): unknown {
    return this.#framework.raw;
  }

  get pathParams(): RouterParams {
    return this.#framework.pathParams;
  }

  get signal(): AbortSignal {
    return this.end?.signal ?? new AbortController().signal;
  }

  abort(reason: Error): void {
    this.end?.abort(reason);
  }

  get client(): Client | null {
    return this.#framework.client;
  }

  body(): Content {
    const req = this.#req;
    if (this.#tap) return this.#tap.open();
    // It was empty, whoever has listened to it.
    if (!mayHaveBody(req) || (req.readableEnded && !req.readableDidRead)) return null;
    throw misuse('BODY_CONSUMED', 'request');
  }

  /** Without a body there is nothing that a parser could have read. */
  parsedBody(): ParsedBody | undefined {
    if (this.#tap?.isWhole || !this.#req.readableDidRead) return undefined;
    const { parsedBody } = this.#framework;
    if (parsedBody.value === undefined) return undefined;
    // It was here, and was more than is kept.
    return this.#tap ? { ...parsedBody, refuse: () => tooLarge(this.maxBodySize) } : parsedBody;
  }

  decode(body: AsyncIterable<Uint8Array>, codings: string): AsyncIterable<Uint8Array> {
    return decodeBody(body, codings);
  }

  async readForm(body: AsyncIterable<Uint8Array>, type: string, limits: FormLimits): Promise<FormData> {
    if (this.#isReleased) throw misuse('FORM_LATE');
    this.#files ??= new TemporaryFiles();
    const files = this.#files;
    // Loaded by the first form, with its parser.
    const { readForm } = await import('./body/read-form.js');
    return readForm(body, type, limits, files);
  }

  /** The response is out. */
  responseIsOut(): void {
    this.#tap?.close();
  }

  /** The exchange has come to its end: nothing of the request is needed any more. */
  release(): Promise<void> | undefined {
    this.#isReleased = true;
    return this.#files?.remove();
  }

  targetChanged(target: string): void {
    this.#framework.targetChanged?.(target);
  }

  /** What native code reads, and what a parser has read for it before, agree with a request that has another body. */
  changeBody(request: Request, original: Request): void {
    const body = changedBody(request, original);
    if (!body) return;
    const content = body.copy();
    const { value } = this.#framework.parsedBody;
    if (value !== undefined) this.#framework.setParsedBody(parsedAnew(content, request, value));
    this.#tap?.cut();
    refill(this.#req, bytesOf(content));
  }
}

/** The peer of a connection, or whom a trusted proxy names in its place. */
export function clientOf(req: NativeRequest, named?: string): Client | null {
  const { remoteAddress, remotePort = 0 } = req.socket ?? {};
  if (named && named !== remoteAddress) return forwardedClient(named);
  return remoteAddress === undefined ? null : { host: remoteAddress, port: remotePort };
}

/** An address in brackets, or one without a colon, and a port: `[2001:db8::1]:443`, `203.0.113.7:50001`, in quotes as in `forwarded`. */
const node = /^"?(?:\[([^\]"]+)\]|([^:"[\]]+))(?::(\d*))?"?$/;

/** Some proxies write the port too: each connection must not be a new client. What is no address stays as it is. */
function forwardedClient(named: string): Client {
  const [, bracketed, bare, port = ''] = node.exec(named) ?? [];
  const isPort = Number(port) <= 65_535;
  return { host: bracketed ?? bare ?? named, port: isPort ? Number(port) : 0 };
}

/** Whether the head of a request leaves room for a body. */
export function mayHaveBody(req: NativeRequest): boolean {
  const stream = http2Stream(req);
  // HTTP/2 frames every body, of any method, and needs no header for it.
  if (stream) return !stream.endAfterHeaders;
  const { 'content-length': length = '0', 'transfer-encoding': coding } = req.headers;
  return length !== '0' || coding !== undefined;
}

/** What the parser that has been before would make of a body; `undefined` where that is not known, so that the next one parses. */
function parsedAnew(content: Content, request: Request, before: unknown): unknown {
  if (content !== null && typeof content === 'object' && !(content instanceof Uint8Array)) return undefined;
  const bytes = Buffer.from(content ?? '');
  if (Buffer.isBuffer(before)) return bytes;
  if (typeof before === 'string') return bytes.toString();
  const type = request.headers.get('content-type') ?? '';
  if (/[/+]json\b/i.test(type)) return bytes.length === 0 ? {} : parseJSON(bytes.toString());
  return /^application\/x-www-form-urlencoded\b/i.test(type) ? parseQuery(bytes.toString()) : undefined;
}

/** Header lines of a native request: a change is seen by native code at once. */
class RequestHeaders implements HeaderStore {
  readonly #headers: NativeRequest['headers'];
  readonly #req: NativeRequest;

  constructor(req: NativeRequest) {
    this.#headers = req.headers;
    this.#req = req;
  }

  get(name: string): string | readonly string[] | undefined {
    const key = name.toLowerCase();
    return Object.hasOwn(this.#headers, key) ? headerText(this.#headers[key]) : undefined;
  }

  set(name: string, value: string | readonly string[]): void {
    const property = { value, configurable: true, enumerable: true, writable: true };
    Object.defineProperty(this.#headers, name.toLowerCase(), property);
    noteChange(this.#headers, name.toLowerCase());
  }

  delete(name: string): void {
    delete this.#headers[name.toLowerCase()];
    noteChange(this.#headers, name.toLowerCase());
  }

  separate(name: string): readonly string[] | undefined {
    return headerLines(this.#req, name.toLowerCase(), this.#headers);
  }

  lines(): Iterable<readonly [string, string | readonly string[]]> {
    const headers = this.#headers;
    const names = Object.keys(headers).filter(name => !name.startsWith(':'));
    return textLines(names, name => headers[name]);
  }
}

/** Makes what native code reads agree with a request that a middleware gave to `callNext`. */
export function applyChanges(
  request: Request,
  original: Request,
  { req, source }: { readonly req: NativeRequest; readonly source: NodeRequestSource },
  setTarget: (target: string) => void,
): void {
  if (request === original) return;
  if (request.method !== original.method) req.method = request.method;
  if (request.headers !== original.headers) setHeaders(req, Object.fromEntries(nativeLines(request)));
  if (request.url !== original.url) {
    const target = request.path + searchOf(request.url);
    setTarget(target);
    source.targetChanged(target);
  }
  source.changeBody(request, original);
}

/** Those of HTTP/2 have only a getter, and among them are the pseudo-headers. */
function setHeaders(req: NativeRequest, headers: NativeRequest['headers']): void {
  if (!http2Stream(req)) {
    req.headers = headers;
    return;
  }
  const pseudo = Object.entries(req.headers).filter(([name]) => name.startsWith(':'));
  const value = { ...Object.fromEntries(pseudo), ...headers };
  Object.defineProperty(req, 'headers', { value, configurable: true, enumerable: true, writable: true });
}

function nativeLines(request: Request): Iterable<readonly [string, string | string[]]> {
  return [...request.headers.lines()].map(
    ([name, value]) => [name.toLowerCase(), value as string | string[]] as const,
  );
}
