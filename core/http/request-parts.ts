import { contentTooLarge } from './body-limits.js';
import type { RouterParams } from './path-params.js';
import type { Request } from './request.js';
import { matched, reroute, source } from './request-keys.js';
import type { RequestSource } from './request-source.js';
import { type Shared, sharedOn } from './shared.js';

/** The state that a request shares with those derived from it. */
export function sharedOf(request: Request): Shared {
  return sharedOn(request[source]);
}

export function sourceOf(request: Request): RequestSource {
  return request[source];
}

/** The declared size of a request body, in bytes. */
export function declaredLength(request: Request): number {
  return Number(sourceOf(request).headers.get('content-length') ?? 0);
}

/** Throws an HTTPException of 413 if the declared body exceeds `bodyLimit()`. */
export function refuseTooLarge(request: Request): void {
  const { bodyLimit } = sourceOf(request);
  if (declaredLength(request) > bodyLimit) throw contentTooLarge(bodyLimit);
}

/** Sets the parameters of the matched route, and the url it matched. */
export function matchRoute(request: Request, pathParams: RouterParams): void {
  request[matched](pathParams);
  request[reroute]();
}

/** Updates the url to the one that is routed now, after native code may have changed it. */
export function followTarget(request: Request): void {
  request[reroute]();
}
