import { print } from '../errors/print.js';
import { toError } from '../errors.js';
import { Headers } from '../http/headers.js';
import type { Request } from '../http/request.js';

export const requestIdHeader = 'x-request-id';

/** W3C Trace Context and Baggage, and the id of `requestId()`. */
const passedOn: readonly string[] = ['traceparent', 'tracestate', 'baggage', requestIdHeader];

/** The headers of a request that travel with its tasks; `undefined` if it has none of them. */
export function headersToPassOn(request: Request): Readonly<Record<string, string>> | undefined {
  const headers: Record<string, string> = {};
  for (const name of passedOn) {
    const value = request.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  // `requestId()` may use another header.
  const { requestId } = request.state;
  if (typeof requestId === 'string') headers[requestIdHeader] = requestId;
  return readableHeaders(headers);
}

/**
 * The headers that a worker can read, or `undefined` without any. The others are printed and left out:
 * with them, the task would never run.
 */
export function readableHeaders(
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | undefined {
  const headers = new Headers();
  for (const [name, value] of Object.entries({ ...given })) {
    try {
      headers.set(name, value);
    } catch (thrown) {
      print('callnext: a header of a durable task is left out.', toError(thrown));
    }
  }
  const readable = Object.fromEntries(headers);
  return Object.keys(readable).length > 0 ? readable : undefined;
}
