import type { RequestSource } from './request-source.js';

/** The url of a request: the one that the framework routes by, or what a middleware has put in its place. */
export interface Target {
  readonly url: string;
  /** The path that the framework routes by, not normalised. */
  readonly path: string;
  /** What native code had as the target when the url was read; nothing where a middleware has changed it. */
  readonly native: string | undefined;
}

export function targetOf({ path, nativeTarget, url }: RequestSource): Target {
  return { url, path, native: nativeTarget };
}

/**
 * A url that says the same path keeps it as it was sent: a guard may have seen that one, and not what it is
 * normalised to.
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

/** The target as native code has it now; the origin stays. */
export function reroutedTarget(target: Target, source: RequestSource): Target {
  const { nativeTarget } = source;
  if (nativeTarget !== undefined && nativeTarget === target.native) return target;
  const { url, path } = source;
  const now = afterOrigin(url);
  if (now === afterOrigin(target.url)) return { ...target, native: nativeTarget };
  return { url: originOf(target.url) + now, path, native: nativeTarget };
}

/** The query of a url, with its `?`; empty where there is none. */
export function searchOf(url: string): string {
  return /^[^?#]*(\?[^#]*)/.exec(url)?.[1] ?? '';
}

/** The scheme and the authority of an absolute url. */
function originOf(url: string): string {
  return /^[^/?#]*\/\/[^/?#]*/.exec(url)?.[0] ?? '';
}

function afterOrigin(url: string): string {
  return url.slice(originOf(url).length);
}
