import {
  discard,
  type Endpoint,
  endpoint,
  HTTPException,
  isResponseLike,
  misuse,
  type ResponseLike,
} from '../../core/adapter.js';

/** A Fetch handler: Hono's `app.fetch`, GraphQL Yoga's `yoga.fetch`, better-auth's `auth.handler`. */
export type FetchHandler = (request: globalThis.Request) => ResponseLike | Promise<ResponseLike>;

/** What a URL loses when it is parsed (WHATWG URL, 4.4). */
const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)|\\/i;

/**
 * Makes an endpoint of a Fetch handler. Throws `FETCH_HANDLER`; a handler without an answer throws
 * `NOT_A_RESPONSE`.
 */
export function fetchEndpoint(handler: FetchHandler): Endpoint {
  if (typeof handler !== 'function') throw misuse('FETCH_HANDLER', handler);
  return endpoint({}, async function fetchHandler({ request }) {
    // The framework matched the path as sent, but a Fetch URL resolves these segments: a guard on the sent
    // path would not protect the resolved one.
    if (dotSegment.test(request.path))
      throw new HTTPException(400, 'The path has dot segments or backslashes.');
    const response = await handler(request.native);
    if (isResponseLike(response)) return response;
    discard(response);
    throw misuse('NOT_A_RESPONSE', 'The Fetch handler', response);
  });
}
