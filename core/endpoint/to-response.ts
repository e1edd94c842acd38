import type { InjectedResponse } from '../http/injected-response.js';
import { claimFor, fromResponseLike, partsOf, type Response } from '../http/response.js';
import { isResponseLike } from '../http/response-head.js';
import { JSONResponse } from '../http/responses.js';
import type { Endpoint } from './endpoint.js';

/** What an endpoint returned as a response, with what was set on the injected one merged in. */
export function toResponse(
  result: unknown,
  injected: InjectedResponse,
  { status, responseClass = JSONResponse }: Pick<Endpoint, 'status' | 'responseClass'>,
  owner: object,
): Response {
  if (isResponseLike(result)) {
    // Before anything is set on it: one that has answered another request is refused as it is.
    const response = claimFor(owner, fromResponseLike(result));
    injected.fillInto(response, partsOf(response).head.isStatusNamed ?? true);
    return response;
  }
  const response = new responseClass(result as never, status === undefined ? {} : { status });
  injected.mergeInto(response);
  return response;
}
