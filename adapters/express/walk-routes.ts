import type { ExpressApp } from './express-types.js';
import type { MountEntry } from './mount-paths.js';
import { routerOf } from './stack-end.js';

/** A route of Express. */
export interface ExpressRoute {
  readonly path: unknown;
  /** `{ get: true }`; `{ _all: true }` for `all`. */
  readonly methods: Readonly<Record<string, boolean>>;
  readonly stack: readonly { readonly handle: unknown; readonly method?: string }[];
}

/** A router that contains a route. */
export interface MountedRouter {
  readonly entry: MountEntry;
  readonly router: object;
}

/** A handler before a route, on the stack of one of the routers around it. */
export interface Before {
  readonly entry: MountEntry;
  /** How many routers contain that router. */
  readonly depth: number;
}

/** A route and the routers that lead to it. */
export interface FoundRoute {
  readonly route: ExpressRoute;
  readonly entry: MountEntry;
  /** The routers around it, outermost first, without the root of the walk. */
  readonly mounts: readonly MountedRouter[];
  readonly before: readonly Before[];
}

/** The routes of an app or a router, in matching order. */
export function walkRoutes(root: object): FoundRoute[] {
  return walk(stackOf(root) ?? [], [], []);
}

function walk(
  stack: readonly MountEntry[],
  mounts: readonly MountedRouter[],
  outside: readonly Before[],
): FoundRoute[] {
  const depth = mounts.length;
  const before = [...outside];
  return stack.flatMap(entry => {
    const { route, handle } = entry;
    if (route) return [{ route: route as ExpressRoute, entry, mounts, before: [...before] }];
    const inner = stackOf(handle);
    const isInside = mounts.some(({ router }) => router === handle);
    if (inner && !isInside) return walk(inner, [...mounts, { entry, router: handle as object }], before);
    before.push({ entry, depth });
    return [];
  });
}

/** The stack of a router or an app. Express hides the stack of an app passed to `app.use`. */
function stackOf(value: unknown): readonly MountEntry[] | undefined {
  if (typeof value !== 'function') return undefined;
  const { stack } = value as { readonly stack?: unknown };
  if (Array.isArray(stack)) return stack;
  return isApp(value) ? (routerOf(value)?.stack as readonly MountEntry[] | undefined) : undefined;
}

/** The same test that `app.use` makes. */
export function isApp(value: unknown): value is ExpressApp {
  return typeof value === 'function' && 'handle' in value && 'set' in value && 'use' in value;
}
