import {
  type AppRoutes,
  bytesOf,
  type Client,
  type Content,
  changedBody,
  defaultMaxBodySize,
  type FormLimits,
  Headers,
  type MountPaths,
  misuse,
  type ParsedBody,
  type Request,
  type RequestSource,
  type Route,
  type RouterParams,
  tooLarge,
} from '../../core/adapter.js';
import { decodeBody } from './body/decode-body.js';
import { parsedAnew } from './body/parsed-anew.js';
import { refill } from './body/refill-request.js';
import { RequestTap } from './body/request-tap.js';
import { TemporaryFiles } from './body/temporary-files.js';
import type { Framework } from './framework.js';
import { http2Stream } from './http2-stream.js';
import type { NativeRequest } from './node-types.js';
import { RequestHeaders } from './request-headers.js';
import type { ResponseEnd } from './response/response-end.js';
import { absoluteUrl, namesOneHost, pathOf } from './target.js';

/** Notified when native code is refused the rest of a body. */
export interface BodyOwner {
  /** `isTold` says whether native code listens for errors of the request. */
  refuseBody(error: Error, isTold: boolean): void;
}

/** A request over that of Node. Nothing is read before it is needed. */
export class NodeRequestSource implements RequestSource {
  readonly method: string;
  /** Whether the head sent by the client allows a body. */
  readonly mayHaveBody: boolean;
  maxBodySize: number = defaultMaxBodySize;
  shared: RequestSource['shared'];
  #bodyLimit: number | undefined;
  /**
   * Notified when native code reads more of a body than is allowed. An object, because a closure per request
   * makes garbage collection four times as long.
   */
  owner: BodyOwner | undefined;
  end: ResponseEnd | undefined;
  readonly #req: NativeRequest;
  readonly #framework: Framework;
  readonly #tap: RequestTap | undefined;
  #files: TemporaryFiles | undefined;
  #isReleased = false;

  constructor(req: NativeRequest, framework: Framework) {
    this.#req = req;
    this.#framework = framework;
    this.method = req.method ?? 'GET';
    this.mayHaveBody = mayHaveBody(req);
    if (this.mayHaveBody) this.#tap = RequestTap.on(req, this);
  }

  get bodyLimit(): number {
    return this.#bodyLimit ?? Number.POSITIVE_INFINITY;
  }

  set bodyLimit(bytes: number) {
    if (this.#bodyLimit === undefined) this.#tap?.watch();
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

  get route(): Route | undefined {
    return this.#framework.route;
  }

  routesOf(root: object, mounts: MountPaths): AppRoutes | undefined {
    return this.#framework.routesOf?.(root, mounts);
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
    // The body was empty, no matter who listened to it.
    if (!mayHaveBody(req) || (req.readableEnded && !req.readableDidRead)) return null;
    throw misuse('BODY_CONSUMED', 'request');
  }

  /** Without a body, no parser can have read anything. */
  parsedBody(): ParsedBody | undefined {
    if (this.#tap?.isWhole || !this.#req.readableDidRead) return undefined;
    const { parsedBody } = this.#framework;
    if (parsedBody?.value === undefined) return undefined;
    // The body arrived, but exceeded what is kept.
    return this.#tap ? { ...parsedBody, refuse: () => tooLarge(this.maxBodySize) } : parsedBody;
  }

  decode(body: AsyncIterable<Uint8Array>, codings: string): AsyncIterable<Uint8Array> {
    return decodeBody(body, codings);
  }

  async readForm(body: AsyncIterable<Uint8Array>, type: string, limits: FormLimits): Promise<FormData> {
    if (this.#isReleased) throw misuse('FORM_LATE');
    this.#files ??= new TemporaryFiles();
    const files = this.#files;
    // Loaded with its parser when the first form arrives.
    const { readForm } = await import('./body/read-form.js');
    return readForm(body, type, limits, files);
  }

  responseIsOut(): void {
    this.#tap?.close();
  }

  /** Releases what was kept for the request, because its exchange is over. */
  release(): Promise<void> | undefined {
    this.#isReleased = true;
    return this.#files?.remove();
  }

  targetChanged(target: string): void {
    this.#framework.targetChanged?.(target);
  }

  /** Applies a changed body to what native code reads, and to what a parser has already read for it. */
  changeBody(request: Request, original: Request): void {
    const body = changedBody(request, original);
    if (!body) return;
    const content = body.copy();
    const value = this.#framework.parsedBody?.value;
    if (value !== undefined) this.#framework.setParsedBody(parsedAnew(content, request, value));
    this.#tap?.cut();
    refill(this.#req, bytesOf(content));
  }
}

/** Whether the head of a request allows a body. */
function mayHaveBody(req: NativeRequest): boolean {
  const stream = http2Stream(req);
  // HTTP/2 frames every body, of any method, and needs no header for it.
  if (stream) return !stream.endAfterHeaders;
  const { 'content-length': length = '0', 'transfer-encoding': coding } = req.headers;
  return length !== '0' || coding !== undefined;
}
