import { type Endpoint, endpoint, isResponseLike, misuse, type ResponseLike } from '../../core/index.js';

/** A handler of the Fetch kind: Hono's `app.fetch`, GraphQL Yoga's `yoga.fetch`, better-auth's `auth.handler`. */
export type FetchHandler = (request: globalThis.Request) => ResponseLike | Promise<ResponseLike>;

/** A Fetch handler as an endpoint. Throws `FETCH_HANDLER`; what answers nothing throws `NOT_A_RESPONSE`. */
export function fetchEndpoint(handler: FetchHandler): Endpoint {
  if (typeof handler !== 'function') throw misuse('FETCH_HANDLER', handler);
  return endpoint({}, async function fetchHandler({ request }) {
    const response = await handler(request.native);
    if (!isResponseLike(response)) throw misuse('NOT_A_RESPONSE', 'The Fetch handler', response);
    return response;
  });
}
