import { type AppRoute, type AppRoutes, type MountPaths, mountedIn } from '../../core/adapter.js';
import { joinedTemplates, type Template, templatesOf } from '../node/shared.js';
import { contradicts, leads } from './koa-mounts.js';

/** The part of a route or middleware of @koa/router that is used. */
interface RouterLayer {
  readonly path?: unknown;
  /** Empty for middleware. */
  readonly methods: readonly string[];
  readonly stack: readonly unknown[];
  match(path: string): boolean;
}

interface KoaRouter {
  readonly stack: readonly RouterLayer[];
}

interface KoaApp {
  readonly middleware: readonly unknown[];
}

/** Reads the routes of a Koa app or an @koa/router; `undefined` for anything else. */
export function appRoutesOf(root: object, mounts: MountPaths): AppRoutes | undefined {
  const routes = routesIn(root, pathsOf(root, mounts));
  if (routes === undefined) return undefined;
  const functions = functionsIn(root);
  // koa-mount hides what it mounts.
  const others = mounts.filter(([, router]) => router !== root);
  const apart = others.flatMap(([path, router]) => routesIn(router, templatesAt(path)) ?? []);
  const wrongMounts = mounts.filter(mount => isUnreadable(mount) || isWrong(mount, root, routes, functions));
  return { routes: [...routes, ...apart], wrongMounts };
}

function isUnreadable([path, router]: MountPaths[number]): boolean {
  return !(isApp(router) || isRouter(router)) || templatesAt(path) === undefined;
}

/** Whether a router is mounted elsewhere, as far as Koa shows it. */
function isWrong(
  [path, router]: MountPaths[number],
  root: object,
  routes: readonly AppRoute[],
  functions: readonly unknown[],
): boolean {
  if (router === root) return false;
  const sample = templatesAt(path)?.[0]?.sample ?? '';
  const own = isRouter(router) ? (routesIn(router, templatesAt(path)) ?? []) : [];
  // @koa/router copies the routes of nested routers.
  const copied = own.filter(each => routes.some(walked => isCopy(each, walked)));
  if (copied.length === 0) return contradicts(functions, sample);
  const isThere = copied.every(each =>
    routes.some(walked => isCopy(each, walked) && isSamePath(each, walked)),
  );
  return !isThere && !leads(functions, sample);
}

function isCopy(own: AppRoute, walked: AppRoute): boolean {
  return own.method === walked.method && own.handlers.at(-1) === walked.handlers.at(-1);
}

function isSamePath(own: AppRoute, walked: AppRoute): boolean {
  return own.templates?.[0]?.path === walked.templates?.[0]?.path;
}

/** The functions that can hide an app or a router. */
function functionsIn(root: object): readonly unknown[] {
  if (isRouter(root)) return root.stack.flatMap(({ stack }) => stack);
  if (!isApp(root)) return [];
  const routers = root.middleware.map(routerOf).filter(each => each !== undefined);
  return [...root.middleware, ...routers.flatMap(functionsIn)];
}

function routerOf(middleware: unknown): KoaRouter | undefined {
  const router: unknown = typeof middleware === 'function' ? Reflect.get(middleware, 'router') : undefined;
  return isRouter(router) ? router : undefined;
}

function templatesAt(path: string): readonly Template[] | undefined {
  return templatesOf(path.replace(/\/$/, ''), 'current');
}

/** The paths of the root itself, from `mounts`. */
function pathsOf(root: object, mounts: MountPaths): readonly Template[] | undefined {
  const given = mounts.filter(([, router]) => router === root);
  return given.length > 0 ? given.flatMap(([path]) => templatesAt(path) ?? []) : joinedTemplates([]);
}

function routesIn(root: object, at: readonly Template[] | undefined): AppRoute[] | undefined {
  if (isRouter(root)) return routesOfRouter(root, at, []);
  if (!isApp(root)) return undefined;
  const around: unknown[] = [];
  return root.middleware.flatMap(each => {
    const router = routerOf(each);
    if (router) return routesOfRouter(router, at, [...around]);
    if (mountedIn(each)) around.push(each);
    return [];
  });
}

/** @koa/router copies the routes of nested routers into the stack, with their prefixes. */
function routesOfRouter(
  { stack }: KoaRouter,
  at: readonly Template[] | undefined,
  outside: readonly unknown[],
): AppRoute[] {
  return stack.flatMap((layer, index) => {
    if (layer.methods.length === 0) return [];
    const own = typeof layer.path === 'string' ? templatesOf(layer.path, 'current') : undefined;
    const before = stack.slice(0, index).filter(each => each.methods.length === 0 && covers(each, own));
    const around = [...outside, ...before.flatMap(each => each.stack.filter(mountedIn))];
    const route = { path: String(layer.path), around, handlers: layer.stack, lost: undefined };
    const templates = joinedTemplates([at, own]);
    return methodsOf(layer).map(method => ({ ...route, method, templates }));
  });
}

/** A GET route also handles HEAD, which the document leaves out. */
function methodsOf({ methods }: RouterLayer): string[] {
  const own = methods.includes('GET') ? methods.filter(method => method !== 'HEAD') : methods;
  return own.map(method => method.toLowerCase());
}

function covers(layer: RouterLayer, own: readonly Template[] | undefined): boolean {
  return own?.some(({ sample }) => layer.match(sample)) === true;
}

function isRouter(value: unknown): value is KoaRouter {
  return typeof value === 'object' && value !== null && Array.isArray(Reflect.get(value, 'stack'));
}

function isApp(value: object): value is KoaApp {
  return Array.isArray(Reflect.get(value, 'middleware'));
}
