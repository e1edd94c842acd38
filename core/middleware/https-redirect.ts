import { markFactory } from '../errors.js';
import { RedirectResponse } from '../http/responses.js';
import { hostOfRequest, invalidHost } from './host.js';
import type { Middleware } from './middleware.js';
import { described } from './options.js';

/**
 * Redirects `http` requests to the same url with `https`, with a 307: Starlette's `HTTPSRedirectMiddleware`.
 *
 * ```ts
 * layer.addMiddleware(httpsRedirect());
 * ```
 *
 * Ports 80 and 443 are dropped; others stay. If a proxy terminates TLS, the framework must trust it
 * (`app.set('trust proxy', …)`, `app.proxy = true`); otherwise every request looks like `http` and is
 * redirected forever.
 */
export function httpsRedirect(): Middleware {
  return described(async function httpsRedirect(request, callNext) {
    const { protocol } = new URL(request.url);
    if (protocol === 'https:') return callNext(request);
    const host = hostOfRequest(request);
    if (host === undefined) return invalidHost();
    const authority = [80, 443, undefined].includes(host.port) ? host.name : host.authority;
    return new RedirectResponse(request.url.replace(/^http:\/\/[^/?#]*/i, `https://${authority}`));
  }, {});
}
markFactory(httpsRedirect);
