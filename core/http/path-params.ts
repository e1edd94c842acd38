/** Route parameters as a router provides them: Express 5 splits a wildcard, Express 4 keeps missing names. */
export type RouterParams = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Returns the parameters as strings: a wildcard is one string with `/` (FastAPI's `:path`), missing ones are
 * dropped.
 */
export function pathParamsOf(params: RouterParams): Readonly<Record<string, string>> {
  const entries = Object.entries(params);
  if (entries.every(([, value]) => typeof value === 'string')) return params as Record<string, string>;
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, [value].flat().join('/')]])),
  );
}
