import { contentTooLarge } from './body-limits.js';
import type { RouterParams } from './path-params.js';
import type { Request } from './request.js';
import { matched, reroute, source } from './request-keys.js';
import type { RequestSource } from './request-source.js';
import { type Shared, sharedOn } from './shared.js';

/** What a request has in common with those that are made of it. */
export function sharedOf(request: Request): Shared {
  return sharedOn(request[source]);
}

/** Where a request comes from. */
export function sourceOf(request: Request): RequestSource {
  return request[source];
}

/** What a request says of the size of its body, in bytes. */
export function declaredLength(request: Request): number {
  return Number(sourceOf(request).headers.get('content-length') ?? 0);
}

/**
 * Throws an HTTPException of 413 for a request that announces more of a body than `bodyLimit()` lets come.
 */
export function refuseTooLarge(request: Request): void {
  const { bodyLimit } = sourceOf(request);
  if (declaredLength(request) > bodyLimit) throw contentTooLarge(bodyLimit);
}

/** Gives a request the parameters of the route that matched, and the url that it matched by. */
export function matchRoute(request: Request, pathParams: RouterParams): void {
  request[matched](pathParams);
  request[reroute]();
}

/** Gives a request the url that it is routed by now, where ours comes after native code. */
export function followTarget(request: Request): void {
  request[reroute]();
}
