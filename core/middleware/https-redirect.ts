import { markFactory } from '../errors.js';
import { RedirectResponse } from '../http/responses.js';
import { hostOfRequest, invalidHost } from './host.js';
import type { Middleware } from './middleware.js';
import { described } from './options.js';

/**
 * Sends a request that came by `http` on to the same url by `https`, with a 307: Starlette's
 * `HTTPSRedirectMiddleware`.
 *
 * ```ts
 * layer.addMiddleware(httpsRedirect());
 * ```
 *
 * The ports 80 and 443 are left out and others stay. Where a proxy ends TLS, the framework has to trust it
 * (`app.set('trust proxy', …)`, `app.proxy = true`): otherwise every request looks like `http`, and is sent
 * on for ever.
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
