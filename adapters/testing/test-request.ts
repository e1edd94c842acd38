import { checkOptions, type OptionNames } from '../../core/adapter.js';
import { knownOfFetch } from './known-options.js';

/** The options of `fetch`, plus those that control how long a call waits. */
export interface TestRequestInit extends RequestInit {
  json?: unknown;
  /** Whether the call resolves after exits and background tasks; the client's setting by default. */
  settle?: boolean;
  /**
   * Whether the call resolves once the head has arrived, for endless responses; the body then streams. By
   * default only for event streams.
   */
  stream?: boolean;
}

/** A request body: complete, or a stream. */
export type SentContent = Uint8Array | ReadableStream<Uint8Array> | null;

export interface Asked {
  readonly request: Request;
  readonly content: SentContent;
  readonly isRedirected: boolean;
  readonly settle: boolean;
  readonly stream: boolean | undefined;
}

/** The defaults of a client's requests. */
export interface Defaults {
  readonly base: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly settle: boolean;
}

const known = {
  ...knownOfFetch,
  ...({ json: true, settle: true, stream: true } satisfies OptionNames<
    Omit<TestRequestInit, keyof RequestInit>
  >),
};

/**
 * Builds the first request of a call of `client.fetch()`. A complete body has a length, and can be sent again
 * after a redirect.
 */
export async function askedBy(
  input: string | URL | Request,
  init: TestRequestInit,
  defaults: Defaults,
): Promise<Asked> {
  checkOptions('client.fetch()', init, known);
  const { json, settle = defaults.settle, stream, ...rest } = init;
  const request = new Request(
    input instanceof Request ? input : new URL(input, defaults.base),
    json === undefined ? { ...(isStream(rest.body) && { duplex: 'half' }), ...rest } : withJSON(rest, json),
  );
  request.signal.throwIfAborted();
  for (const [name, value] of Object.entries(defaults.headers))
    if (!request.headers.has(name)) request.headers.set(name, value);
  const content = isStream(rest.body) ? request.body : await bytesOf(request);
  return { request, content, isRedirected: false, settle, stream };
}

/** Whether a value is an object of valid header names and values. */
export function areHeaders(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Headers || Array.isArray(value))
    return false;
  if (!Object.values(value).every(each => typeof each === 'string')) return false;
  try {
    return new Headers(value as Record<string, string>) !== undefined;
  } catch {
    return false;
  }
}

function withJSON(init: RequestInit, json: unknown): RequestInit {
  const headers = new Headers(init.headers);
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  return { ...init, headers, body: JSON.stringify(json) };
}

export function isStream(body: unknown): body is ReadableStream<Uint8Array> {
  return (
    typeof body === 'object' &&
    body !== null &&
    (body instanceof ReadableStream || Symbol.asyncIterator in body)
  );
}

async function bytesOf(request: Request): Promise<Uint8Array | null> {
  return request.body === null ? null : new Uint8Array(await request.arrayBuffer());
}
