import { misuse } from '../errors.js';
import type { Body } from './body.js';
import type { BodySource } from './body-source.js';
import { isBuiltOver } from './fetch-request.js';
import { isOfPlatform } from './platform.js';
import { isOurRequest, Request } from './request.js';
import { body, parts } from './request-keys.js';

/**
 * Converts the argument of `callNext`: ours is returned unchanged, a Fetch request becomes a change of
 * `current`.
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

/** The body of a request, if it differs from that of `original`. */
export function changedBody(request: Request, original: Request): Body | undefined {
  const { ownBody } = request[parts]();
  return ownBody === original[parts]().ownBody ? undefined : request[body].bytes;
}
