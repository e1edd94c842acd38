import type { IncomingMessage } from 'node:http';
import { type Asked, isStream } from './test-request.js';

/** The limit of redirects, as in Fetch. */
const mostRedirects = 20;

const statuses = [301, 302, 303, 307, 308];

/** The target of a redirect; otherwise `undefined`. */
export function redirectOf({ status, headers }: Response): string | undefined {
  return statuses.includes(status) ? (headers.get('location') ?? undefined) : undefined;
}

/** Whether a response is a redirect to follow, whose body the caller never sees. */
export function isFollowed({ redirect }: Request, { statusCode = 0, headers }: IncomingMessage): boolean {
  return redirect !== 'manual' && statuses.includes(statusCode) && headers.location !== undefined;
}

/** Returns the request to send after a redirect. Throws a `TypeError` if it may not be followed. */
export function follow(asked: Asked, status: number, location: string, redirects: number): Asked {
  const { request, content } = asked;
  if (request.redirect === 'error') throw new TypeError('The app answered with a redirect.');
  if (redirects === mostRedirects) throw new TypeError(`More than ${mostRedirects} redirects.`);
  const next = redirected(request, status, new URL(location, request.url));
  const keepsBody = next.method === request.method;
  if (keepsBody && isStream(content))
    throw new TypeError('A request body that is a stream cannot be sent again after a redirect.');
  return { ...asked, request: next, content: keepsBody ? content : null, isRedirected: true };
}

const ofBody = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length'];
const ofOrigin = ['authorization', 'proxy-authorization', 'cookie', 'host'];

/** The request after a redirect (Fetch, "HTTP-redirect fetch"). */
function redirected(request: Request, status: number, url: URL): Request {
  const isPost = (status === 301 || status === 302) && request.method === 'POST';
  const asGet = isPost || (status === 303 && request.method !== 'GET' && request.method !== 'HEAD');
  const { redirect, signal } = request;
  const headers = new Headers(request.headers);
  if (asGet) for (const name of ofBody) headers.delete(name);
  // Another server must not receive these credentials.
  if (url.origin !== new URL(request.url).origin) for (const name of ofOrigin) headers.delete(name);
  return new Request(url, { method: asGet ? 'GET' : request.method, headers, redirect, signal });
}
