import { misuse } from '../errors.js';
import { fromResponseLike } from '../http/accept.js';
import { discard } from '../http/discard.js';
import { isHTTPException } from '../http/http-exception.js';
import type { InjectedResponse } from '../http/injected-response.js';
import type { Response } from '../http/response.js';
import { isResponseLike } from '../http/response-like.js';
import { claimFor, headOf } from '../http/response-parts.js';
import { JSONResponse } from '../http/responses.js';
import { noOptions } from '../options.js';
import type { Endpoint } from './endpoint.js';

/** Converts the result of an endpoint to a response, and merges the injected one in. */
export function toResponse(
  result: unknown,
  injected: InjectedResponse,
  { name, status, responseClass = JSONResponse }: Pick<Endpoint, 'name' | 'status' | 'responseClass'>,
  owner: object,
): Response {
  if (isResponseLike(result)) {
    // Claim it first: a response that has answered another request must be refused unchanged.
    const response = claimFor(owner, fromResponseLike(result));
    injected.fillInto(response, headOf(response).isStatusNamed ?? true);
    return response;
  }
  if (result instanceof Error && isHTTPException(result))
    throw misuse('EXCEPTION_RETURNED', name, result.status);
  try {
    const response = new responseClass(result as never, status === undefined ? noOptions : { status });
    injected.mergeInto(response);
    return response;
  } catch (thrown) {
    discard(result);
    throw thrown;
  }
}
