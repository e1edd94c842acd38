import type { InjectedResponse } from '../http/injected-response.js';
import { fromResponseLike, partsOf, type Response } from '../http/response.js';
import { isResponseLike } from '../http/response-head.js';
import { JSONResponse } from '../http/responses.js';

/** What an endpoint returned as a response, with what was set on the injected one merged in. */
export function toResponse(
  result: unknown,
  injected: InjectedResponse,
  status: number | undefined,
): Response {
  if (isResponseLike(result)) {
    const response = fromResponseLike(result);
    injected.fillInto(response, partsOf(response).head.isStatusNamed ?? true);
    return response;
  }
  const response = new JSONResponse(result, status === undefined ? {} : { status });
  injected.mergeInto(response);
  return response;
}
