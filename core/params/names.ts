import type { DeclaredParameter } from './declared-parameter.js';

/** The name of a parameter in the request. */
export function nameOfParameter({ place, alias, options }: DeclaredParameter, key: string): string {
  if (alias !== undefined) return alias;
  return place === 'header' && (options.convertUnderscores ?? true) ? headerName(key) : key;
}

/** `xToken` and `x_token` are `x-token`, and `xAPIKey` is `x-api-key`. */
export function headerName(key: string): string {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}

/** What no answer repeats: it lets whoever reads it act for the client. */
const secrets: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

export function isSecret(header: string): boolean {
  return secrets.has(header.toLowerCase());
}
