import {
  discard,
  type Endpoint,
  endpoint,
  HTTPException,
  isResponseLike,
  misuse,
  type ResponseLike,
} from '../../core/adapter.js';

/**
 * A handler of the Fetch kind: Hono's `app.fetch`, GraphQL Yoga's `yoga.fetch`, better-auth's `auth.handler`.
 */
export type FetchHandler = (request: globalThis.Request) => ResponseLike | Promise<ResponseLike>;

/** What a url loses when it is parsed (WHATWG URL, 4.4). */
const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)|\\/i;

/** A Fetch handler as an endpoint. Throws `FETCH_HANDLER`; what answers nothing throws `NOT_A_RESPONSE`. */
export function fetchEndpoint(handler: FetchHandler): Endpoint {
  if (typeof handler !== 'function') throw misuse('FETCH_HANDLER', handler);
  return endpoint({}, async function fetchHandler({ request }) {
    // The framework has matched the path as it was sent, and a Fetch url has these resolved: a guard of the
    // one is none of the other.
    if (dotSegment.test(request.path))
      throw new HTTPException(400, 'The path has dot segments or backslashes.');
    const response = await handler(request.native);
    if (isResponseLike(response)) return response;
    discard(response);
    throw misuse('NOT_A_RESPONSE', 'The Fetch handler', response);
  });
}
