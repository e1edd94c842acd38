import type { KoaContext } from './koa-types.js';

/** The slice of a router that exposes its routes; `router.routes()` has it as a property. */
interface Routed {
  readonly router?: {
    readonly stack?: readonly { readonly methods?: readonly string[]; readonly path?: unknown }[];
  };
}

/** Whether a handler is the first middleware of its app: Koa answers as soon as that has finished. */
export function isFirstOf({ app }: KoaContext, handler: unknown): boolean {
  const { middleware } = (app ?? {}) as { middleware?: unknown };
  return Array.isArray(middleware) && middleware[0] === handler;
}

/**
 * Returns the routes of an app that come before its last middleware, for a warning. Returns `undefined`
 * without such routes, or if something follows: a route for a health check may be left out on purpose.
 */
export function routesBefore({ app }: KoaContext, handler: unknown): string | undefined {
  const { middleware } = (app ?? {}) as { middleware?: unknown };
  if (!Array.isArray(middleware) || middleware.at(-1) !== handler) return undefined;
  const before: readonly Routed[] = middleware.slice(0, -1);
  const names = before.flatMap(({ router }) =>
    (router?.stack ?? []).flatMap(({ methods = [], path }) =>
      methods.length > 0 ? [`\`${methods.at(-1)} ${String(path)}\``] : [],
    ),
  );
  return names.length > 1 ? `${names[0]} and ${names.length - 1} more` : names[0];
}
