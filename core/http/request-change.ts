import { misuse } from '../errors.js';
import type { Body } from './body.js';
import type { BodySource } from './body-source.js';
import { isBuiltOver } from './fetch-request.js';
import { isOfPlatform } from './platform.js';
import { isOurRequest, Request } from './request.js';
import { body, parts } from './request-keys.js';

/**
 * What `callNext` was given, as a request of ours: ours as it is, a Fetch request as a change of `current`.
 */
export function changedRequest(current: Request, given: unknown): Request {
  if (given === current || given === undefined) return current;
  if (isOurRequest(given)) return given;
  if (!isOfPlatform('Request', given)) throw misuse('REQUEST_EXPECTED', given);
  const { method, url, headers } = given;
  const isSame = given.body === null || isBuiltOver(current[body], given);
  if (!isSame && given.bodyUsed) throw misuse('BODY_CONSUMED', 'request given to `callNext`');
  return new Request(current, {
    method,
    url,
    headers,
    ...(isSame ? {} : { body: given.body as BodySource }),
  });
}

/** The body of a request, where it is not the one that `original` has. */
export function changedBody(request: Request, original: Request): Body | undefined {
  const { ownBody } = request[parts]();
  return ownBody === original[parts]().ownBody ? undefined : request[body].bytes;
}
