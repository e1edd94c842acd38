import type { RequestSource } from './request-source.js';

/** The url of a request: the routed one, or the one a middleware set. */
export interface Target {
  readonly url: string;
  /** The path that the framework routes by, not normalised. */
  readonly path: string;
  /** The native target when the url was read; `undefined` if a middleware has changed the url. */
  readonly native: string | undefined;
}

export function targetOf({ path, nativeTarget, url }: RequestSource): Target {
  return { url, path, native: nativeTarget };
}

/**
 * If the new url has the same path, keep it as sent: a guard may have checked that form, not the normalised
 * one.
 */
export function changedTarget(target: Target, given: string | URL): Target {
  const [asked, { href, pathname, search }] = [new URL(target.url), new URL(given, target.url)];
  if (href === asked.href) return target;
  const isSamePath = pathname === asked.pathname;
  const [path] = isSamePath ? afterOrigin(target.url).split('?', 1) : [pathname];
  return {
    url: `${originOf(href)}${path}${search}`,
    path: isSamePath ? target.path : pathname,
    native: undefined,
  };
}

/** The current native target; the origin stays. */
export function reroutedTarget(target: Target, source: RequestSource): Target {
  const { nativeTarget } = source;
  if (nativeTarget !== undefined && nativeTarget === target.native) return target;
  const { url, path } = source;
  const now = afterOrigin(url);
  if (now === afterOrigin(target.url)) return { ...target, native: nativeTarget };
  return { url: originOf(target.url) + now, path, native: nativeTarget };
}

/** The query of a url with its `?`, or an empty string. */
export function searchOf(url: string): string {
  return /^[^?#]*(\?[^#]*)/.exec(url)?.[1] ?? '';
}

function originOf(url: string): string {
  return /^[^/?#]*\/\/[^/?#]*/.exec(url)?.[0] ?? '';
}

function afterOrigin(url: string): string {
  return url.slice(originOf(url).length);
}
