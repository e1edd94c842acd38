/**
 * The parameters of a route as a router gives them: Express 5 splits a wildcard, Express 4 names what is
 * missing.
 */
export type RouterParams = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Returns the parameters as texts: a wildcard as one text with `/` (FastAPI's `:path`), and none that is
 * missing.
 */
export function pathParamsOf(params: RouterParams): Readonly<Record<string, string>> {
  const entries = Object.entries(params);
  if (entries.every(([, value]) => typeof value === 'string')) return params as Record<string, string>;
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, [value].flat().join('/')]])),
  );
}
