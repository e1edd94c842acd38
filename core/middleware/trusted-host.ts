import { markFactory } from '../errors.js';
import { RedirectResponse } from '../http/responses.js';
import { hostOfRequest, invalidHost } from './host.js';
import type { Middleware } from './middleware.js';
import { described, flag, list, readOptions } from './options.js';

/** The options of `trustedHost()`: those of Starlette's `TrustedHostMiddleware`. */
export interface TrustedHostOptions {
  /**
   * Host names without a port, such as `example.com`. `*.example.com` matches every subdomain, and `*`, the
   * default, any host.
   */
  allowedHosts?: readonly string[];
  /** Whether to redirect `example.com` to `www.example.com` if only that is allowed; `true` by default. */
  wwwRedirect?: boolean;
}

/**
 * Answers requests for unknown hosts with a 400: Starlette's `TrustedHostMiddleware`.
 *
 * ```ts
 * layer.addMiddleware(trustedHost({ allowedHosts: ['example.com', '*.example.com'] }));
 * ```
 *
 * The host comes from sources that the framework trusts: behind a proxy, `x-forwarded-host` counts if `trust
 * proxy` or `app.proxy` is set. Throws `MIDDLEWARE_OPTIONS`.
 */
export function trustedHost(given: TrustedHostOptions = {}): Middleware {
  const options = readOptions<Required<TrustedHostOptions>>('trustedHost', given, {
    allowedHosts: list(
      ['*'],
      isHostPattern,
      "a list of hosts without a port, such as 'example.com' or '*.example.com'",
    ),
    wwwRedirect: flag(true),
  });
  const patterns = options.allowedHosts.map(pattern => pattern.toLowerCase());
  const exact = new Set(patterns);
  const suffixes = patterns.filter(pattern => pattern.startsWith('*.')).map(pattern => pattern.slice(1));
  const isAllowed = (name: string): boolean =>
    exact.has(name) || suffixes.some(suffix => name.endsWith(suffix) && name.length > suffix.length);
  const isAnyAllowed = exact.has('*');
  return described(async function trustedHost(request, callNext) {
    if (isAnyAllowed) return callNext(request);
    const host = hostOfRequest(request);
    if (host !== undefined && isAllowed(host.name)) return callNext(request);
    if (host === undefined || !options.wwwRedirect || !exact.has(`www.${host.name}`)) return invalidHost();
    return new RedirectResponse(request.url.replace(/^(https?:\/\/)[^/?#]*/i, `$1www.${host.authority}`));
  }, options);
}
markFactory(trustedHost);

function isHostPattern(value: unknown): boolean {
  if (value === '*') return true;
  if (typeof value !== 'string') return false;
  return /^(?:(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])$/i.test(value);
}
