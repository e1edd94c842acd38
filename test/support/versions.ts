import type http from 'node:http';
import Router15 from '@koa/router';
import type { Depends, Endpoint, Layer, Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express53 from 'express';
import Koa3 from 'koa';
import mount from 'koa-mount';

type Express = typeof express53;

// The older versions have the same surface here; their own types are not installed under an alias.
const express422 = require('express4') as Express;
const express418 = require('express418') as Express;
const Koa2 = require('koa2') as typeof Koa3;
const Router14 = require('koa-router14') as typeof Router15;

/** Express 5.0 with the router that lock files of its time have. */
const express50 = ((): Express => {
  let express: Express | undefined;
  jest.isolateModules(() => {
    jest.doMock('router', () => require('router22'));
    express = require('express50');
    jest.dontMock('router');
  });
  return express as Express;
})();

const expressVersions: readonly (readonly [name: string, express: Express, keepsPrefixes: boolean])[] = [
  ['Express 4.18', express418, true],
  ['Express 4.22', express422, true],
  ['Express 5.0', express50, false],
  ['Express 5.3', express53, true],
];

const koaVersions = [
  ['Koa 2, @koa/router 14', Koa2, Router14],
  ['Koa 3, @koa/router 15', Koa3, Router15],
] as const;

type Target = Layer | Middleware | Endpoint | Depends<unknown>;

/** A router in words that every framework understands. Each method returns the router. */
export interface TestRouter {
  use(path: string, ...inner: (Target | TestRouter)[]): TestRouter;
  get(path: string, ...targets: Target[]): TestRouter;
  post(path: string, ...targets: Target[]): TestRouter;
  /** The framework's own. */
  readonly native: never;
}

export interface Version {
  readonly name: string;
  /** Whether the path of a mounted router can be read. */
  readonly keepsPrefixes: boolean;
  router(): TestRouter;
  /** What is at its root, and the app: `native` of what `openapi()` takes. */
  app(build: (root: TestRouter) => unknown): { readonly app: never; readonly listener: http.RequestListener };
}

export const versions: readonly Version[] = [
  ...expressVersions.map(([name, express, keepsPrefixes]) => expressVersion(name, express, keepsPrefixes)),
  ...koaVersions.map(([name, Koa, Router]) => koaVersion(name, Koa, Router)),
];

function expressVersion(name: string, express: Express, keepsPrefixes: boolean): Version {
  return {
    name,
    keepsPrefixes,
    router: () => expressRouter(express.Router() as never),
    app(build) {
      const app = express();
      app.set('env', 'test');
      build(expressRouter(app as never));
      return { app: app as never, listener: app as http.RequestListener };
    },
  };
}

type NativeRouter = Record<'use' | 'get' | 'post', (path: string, ...handlers: unknown[]) => unknown>;

function expressRouter(native: NativeRouter): TestRouter {
  const handlerOf = (target: Target | TestRouter): unknown =>
    'native' in target ? target.native : toExpress(target);
  return routerOver(native, handlerOf);
}

function routerOver(native: NativeRouter, handlerOf: (target: Target | TestRouter) => unknown): TestRouter {
  const call =
    (method: 'use' | 'get' | 'post') =>
    (path: string, ...targets: (Target | TestRouter)[]): TestRouter => {
      if (path === '' && method === 'use')
        (native.use as (...handlers: unknown[]) => unknown)(...targets.map(handlerOf));
      else native[method](path, ...targets.map(handlerOf));
      return router;
    };
  const router: TestRouter = {
    use: call('use'),
    get: call('get'),
    post: call('post'),
    native: native as never,
  };
  return router;
}

function koaVersion(name: string, Koa: typeof Koa3, Router: typeof Router15): Version {
  const router = (): TestRouter =>
    routerOver(new Router() as never, target =>
      'native' in target ? (target.native as Router15).routes() : toKoa(target),
    );
  return {
    name,
    keepsPrefixes: true,
    router,
    app(build) {
      const app = new Koa();
      app.silent = true;
      const root = router();
      build(root);
      app.use((root.native as Router15).routes());
      return { app: app as never, listener: app.callback() as http.RequestListener };
    },
  };
}

export { express50, express53, express418, express422, Koa3, mount, Router15 };
