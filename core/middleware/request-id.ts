import { markFactory, misuse } from '../errors.js';
import { Headers } from '../http/headers.js';
import { Request } from '../http/request.js';
import type { Middleware } from './middleware.js';
import { described, headerName, optionalFunction, readOptions } from './options.js';

/** The options of `requestId()`, named as in asgi-correlation-id. */
export interface RequestIdOptions {
  /** `x-request-id` by default. */
  header?: string;
  /** Creates an id, or returns the one of the app's logger from `request.raw`; a UUID by default. */
  generator?: (request: Request) => string;
  /**
   * Whether an id sent by the client is kept; by default if it has up to 128 letters, digits and `._~+/=:-`.
   * `() => false` keeps none.
   */
  validator?: (id: string) => boolean;
}

/**
 * Gives each request an id, or keeps the one it was sent with. The id is in `request.state.requestId`, in the
 * request's header for everything below, native code included, and in the response's header, even on errors.
 *
 * ```ts
 * layer.addMiddleware(requestId());
 * ```
 *
 * Throws `MIDDLEWARE_OPTIONS`.
 */
export function requestId(given: RequestIdOptions = {}): Middleware {
  const options = readOptions<Required<RequestIdOptions>>('requestId', given, {
    header: headerName('x-request-id'),
    generator: optionalFunction('a function (request) => id', randomUUID),
    validator: optionalFunction('a function (id) => boolean', isPlain),
  });
  const { header, generator, validator } = options;
  return described(async function requestId(request, callNext) {
    const sent = request.headers.get(header);
    const isKept = sent !== null && validator(sent) === true;
    const id = isKept ? sent : made(generator(request));
    request.state.requestId = id;
    request.errorHeaders.set(header, id);
    const response = await callNext(isKept ? request : withHeader(request, header, id));
    response.headers.set(header, id);
    return response;
  }, options);
}
markFactory(requestId);

function withHeader(request: Request, name: string, value: string): Request {
  const headers = new Headers([...request.headers]);
  headers.set(name, value);
  return new Request(request, { headers });
}

function made(id: unknown): string {
  if (typeof id === 'string' && id !== '') return id;
  throw misuse(
    'MIDDLEWARE_OPTIONS',
    'requestId',
    'generator',
    'a function that returns a string that is not empty',
    id,
  );
}

function randomUUID(): string {
  return crypto.randomUUID();
}

/** Whether an id is safe in a log line or a query. */
function isPlain(id: string): boolean {
  return /^[\w.~+/=:-]{1,128}$/.test(id);
}
