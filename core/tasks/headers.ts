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
  return Object.keys(headers).length > 0 ? headers : undefined;
}
