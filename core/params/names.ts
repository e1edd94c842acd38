import type { DeclaredParameter } from './declared-parameter.js';

/** Returns the name of a parameter in the request. */
export function nameOfParameter({ place, alias, options }: DeclaredParameter, key: string): string {
  if (alias !== undefined) return alias;
  return place === 'header' && (options.convertUnderscores ?? true) ? headerName(key) : key;
}

/** Converts a key to a header name: `xToken` and `x_token` to `x-token`, `xAPIKey` to `x-api-key`. */
export function headerName(key: string): string {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}

/** Credentials, which no response repeats: anyone who reads them can act as the client. */
const secrets: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

export function isSecret(header: string): boolean {
  return secrets.has(header.toLowerCase());
}
