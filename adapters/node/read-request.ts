import {
  type Client,
  type Content,
  type HeaderStore,
  Headers,
  misuse,
  type Request,
  type RequestSource,
} from '../../core/index.js';
import type { ResponseEnd } from './client-disconnect.js';
import type { NativeRequest } from './node-types.js';

/** What a framework knows of a request beyond Node. */
export interface FrameworkRequest {
  /** The native objects that users of the framework know. */
  readonly raw: unknown;
  /** The scheme, the host and the target, as the framework trusts them. */
  readonly url: string;
  readonly pathParams: Readonly<Record<string, string>>;
  /** Where the framework's body parsers put their result; `undefined` if there is none. */
  readonly parsedBody: unknown;
}

/** A request over Node's. Nothing is read before it is asked for. */
export class NodeRequestSource implements RequestSource {
  readonly method: string;
  end: ResponseEnd | undefined;
  readonly #req: NativeRequest;
  readonly #framework: FrameworkRequest;

  constructor(req: NativeRequest, framework: FrameworkRequest) {
    this.#req = req;
    this.#framework = framework;
    this.method = req.method ?? 'GET';
  }

  get url(): string {
    return this.#framework.url;
  }

  get headers(): Headers {
    return new Headers(undefined, new RequestHeaders(this.#req.headers));
  }

  get raw(): unknown {
    return this.#framework.raw;
  }

  get pathParams(): Readonly<Record<string, string>> {
    return this.#framework.pathParams;
  }

  get signal(): AbortSignal {
    return this.end?.signal ?? new AbortController().signal;
  }

  get client(): Client | null {
    const { remoteAddress, remotePort } = this.#req.socket ?? {};
    return remoteAddress === undefined ? null : { host: remoteAddress, port: remotePort ?? 0 };
  }

  body(): Content {
    const req = this.#req;
    if (req.readableDidRead || req.readableFlowing !== null) throw misuse('BODY_CONSUMED', 'request');
    return req;
  }

  /** What a parser made of a body that it has read. Without a body there is nothing that it could have read. */
  parsedBody(): { value: unknown } | undefined {
    const { parsedBody } = this.#framework;
    return parsedBody === undefined || !this.#req.readableDidRead ? undefined : { value: parsedBody };
  }
}

/** Header lines of a native request: a change is seen by native code at once. */
class RequestHeaders implements HeaderStore {
  readonly #headers: NativeRequest['headers'];

  constructor(headers: NativeRequest['headers']) {
    this.#headers = headers;
  }

  get(name: string): string | readonly string[] | undefined {
    const key = name.toLowerCase();
    return Object.hasOwn(this.#headers, key) ? this.#headers[key] : undefined;
  }

  set(name: string, value: string | readonly string[]): void {
    const property = { value, configurable: true, enumerable: true, writable: true };
    Object.defineProperty(this.#headers, name.toLowerCase(), property);
  }

  delete(name: string): void {
    delete this.#headers[name.toLowerCase()];
  }

  *lines(): Generator<readonly [string, string | readonly string[]]> {
    for (const [name, value] of Object.entries(this.#headers)) {
      if (value !== undefined && !name.startsWith(':')) yield [name, value];
    }
  }
}

/**
 * A target as an absolute url, whatever a client has sent: an absolute-form one as it is, a path behind the scheme and the
 * host, as far as they are any.
 */
export function absoluteUrl(scheme: string, host: string | undefined, target: string): string {
  const known = URL.canParse(`${scheme}://localhost`) ? scheme : 'http';
  const origin = URL.canParse(`${known}://${host}`) ? `${known}://${host}` : `${known}://localhost`;
  if (target.startsWith('/')) return `${origin}${target}`;
  return URL.canParse(target) ? target : `${origin}/`;
}

/** Makes what native code reads agree with a request that a middleware gave to `callNext`. */
export function applyChanges(
  request: Request,
  original: Request,
  req: NativeRequest,
  setTarget: (target: string) => void,
): void {
  if (request === original) return;
  if (request.method !== original.method) req.method = request.method;
  if (request.headers !== original.headers) req.headers = Object.fromEntries(nativeLines(request));
  if (request.url !== original.url) {
    const { pathname, search } = new URL(request.url);
    setTarget(pathname + search);
  }
}

function nativeLines(request: Request): Iterable<readonly [string, string | string[]]> {
  return [...request.headers.lines()].map(
    ([name, value]) => [name.toLowerCase(), value as string | string[]] as const,
  );
}
