import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BackgroundTasks, Declared, Dependencies, Endpoint, Layer, Middleware, Solved } from 'callnext';
import {
  inject as injectExpress,
  backgroundTasks as tasksOfExpress,
  toExpress,
  wrap,
} from 'callnext/express';
import { inject as injectKoa, backgroundTasks as tasksOfKoa, toKoa } from 'callnext/koa';
import express5 from 'express';
import Koa3 from 'koa';

// The older majors have the same API here, and their types are not installed under an alias.
const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

type Mountable = Layer | Middleware | Endpoint | Declared<unknown>;
type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => unknown;

/** An app for tests, with the same methods on every framework. */
export interface TestApp {
  /** Mounts a layer or a middleware around everything after it. */
  use(target: Layer | Middleware): TestApp;
  /** Mounts a layer, a middleware or an endpoint at a path. */
  at(path: string, ...targets: Mountable[]): TestApp;
  /** Mounts native code that writes to Node's response. */
  native(path: string, listener: Listener): TestApp;
  /** Mounts native code that answers like the framework's users: `send(status, body)`. */
  handler(path: string, handle: (answer: Answer) => unknown): TestApp;
  /** Mounts native code around everything after it. */
  around(before: (res: http.ServerResponse) => void, after: () => void): TestApp;
  /**
   * Mounts the app's own error middleware outside all layers; it answers with the JSON of `render` and the
   * error's status. Call it first: on Koa it wraps everything after it, on Express it is mounted last.
   */
  errors(render: (error: unknown, answer: Answer) => object): TestApp;
  listener(): http.RequestListener;
}

export interface Answer {
  readonly req: http.IncomingMessage;
  readonly res: http.ServerResponse;
  status(status: number): Answer;
  set(name: string, value: string): Answer;
  send(body: string | Buffer | object | NodeJS.ReadableStream | null): void;
  redirect(url: string): void;
  /** The adapter's `inject`. */
  readonly inject: Inject;
  /** The adapter's `backgroundTasks`. */
  tasks(): BackgroundTasks;
}

interface Inject {
  <T>(dependency: Declared<T>): Promise<T>;
  <D extends Dependencies>(dependencies: D): Promise<Solved<D>>;
  <D extends Dependencies, Result>(
    dependencies: D,
    block: (values: Solved<D>) => Result,
  ): Promise<Awaited<Result>>;
}

export interface Framework {
  readonly name: string;
  readonly isKoa: boolean;
  app(): TestApp;
}

function expressFramework(name: string, express: typeof express5, isWrapped = false): Framework {
  return { name, isKoa: false, app: () => expressApp(express, isWrapped) };
}

/** `isWrapped`: the first middleware is mounted around the app with `wrap`. */
function expressApp(express: typeof express5, isWrapped: boolean): TestApp {
  const app = express();
  app.set('env', 'test');
  let outermost: Layer | Middleware | undefined;
  let isFirst = isWrapped;
  let renderError: ((error: unknown, answer: Answer) => object) | undefined;
  const mounted: TestApp = {
    use(target) {
      if (isFirst) outermost = target;
      else app.use(toExpress(target) as never);
      isFirst = false;
      return mounted;
    },
    at(path, ...targets) {
      isFirst = false;
      app.use(path, ...targets.map(target => toExpress(target) as never));
      return mounted;
    },
    native(path, listener) {
      isFirst = false;
      app.use(path, (req, res) => listener(req, res) as never);
      return mounted;
    },
    handler(path, handle) {
      isFirst = false;
      // Express 4 does not catch the rejection of an async handler.
      app.use(path, (req, res, next) => {
        new Promise(resolve => resolve(handle(expressAnswer(req, res)))).catch(next);
      });
      return mounted;
    },
    around(before, after) {
      isFirst = false;
      app.use((_req, res, next) => {
        before(res);
        res.once('finish', after);
        next();
      });
      return mounted;
    },
    errors(render) {
      renderError = render;
      return mounted;
    },
    listener() {
      const render = renderError;
      if (render)
        app.use(((error, req, res, _next) => {
          const body = render(error, expressAnswer(req, res));
          res.status(error.status ?? 500).json(body);
        }) as express5.ErrorRequestHandler);
      return (outermost ? wrap(app as never, outermost) : app) as http.RequestListener;
    },
  };
  return mounted;
}

function expressAnswer(req: http.IncomingMessage, res: import('express').Response): Answer {
  const answer: Answer = {
    req,
    res,
    status(status) {
      res.status(status);
      return answer;
    },
    set(name, value) {
      res.set(name, value);
      return answer;
    },
    send(body) {
      if (isStream(body)) body.pipe(res);
      else res.send(body as string);
    },
    redirect: url => res.redirect(url),
    inject: ((...given: [never, never]) => injectExpress(req as never, ...given)) as Inject,
    tasks: () => tasksOfExpress(req as never),
  };
  return answer;
}

function koaFramework(name: string, Koa: typeof Koa3): Framework {
  return { name, isKoa: true, app: () => koaApp(Koa) };
}

function koaApp(Koa: typeof Koa3): TestApp {
  const app = new Koa();
  app.silent = true;
  app.on('error', () => undefined);
  const at = (path: string, run: Koa3.Middleware): void => {
    app.use((ctx, next) => (ctx.path.startsWith(path) ? run(ctx, next) : next()));
  };
  const mounted: TestApp = {
    use(target) {
      app.use(toKoa(target) as never);
      return mounted;
    },
    at(path, ...targets) {
      for (const target of targets) at(path, toKoa(target) as never);
      return mounted;
    },
    native(path, listener) {
      at(path, ctx => {
        ctx.respond = false;
        ctx.res.statusCode = 200;
        return listener(ctx.req, ctx.res) as Promise<void>;
      });
      return mounted;
    },
    handler(path, handle) {
      at(path, ctx => handle(koaAnswer(ctx)) as Promise<void>);
      return mounted;
    },
    around(before, after) {
      app.use(async (ctx, next) => {
        before(ctx.res);
        ctx.res.once('finish', after);
        await next();
      });
      return mounted;
    },
    errors(render) {
      app.use(async (ctx, next) => {
        try {
          await next();
        } catch (error) {
          ctx.status = (error as { status?: number }).status ?? 500;
          ctx.body = render(error, koaAnswer(ctx));
        }
      });
      return mounted;
    },
    listener: () => app.callback(),
  };
  return mounted;
}

function koaAnswer(ctx: Koa3.Context): Answer {
  const answer: Answer = {
    req: ctx.req,
    res: ctx.res,
    status(status) {
      ctx.status = status;
      return answer;
    },
    set(name, value) {
      ctx.set(name, value);
      return answer;
    },
    send(body) {
      ctx.body = body;
    },
    redirect: url => ctx.redirect(url),
    inject: ((...given: [never, never]) => injectKoa(ctx, ...given)) as Inject,
    tasks: () => tasksOfKoa(ctx),
  };
  return answer;
}

function isStream(body: unknown): body is NodeJS.ReadableStream {
  return typeof body === 'object' && body !== null && 'pipe' in body;
}

export const express5Framework = expressFramework('Express 5', express5);
export const express4Framework = expressFramework('Express 4', express4);
export const wrappedFramework = expressFramework('Express 5, wrapped', express5, true);
export const koa3Framework = koaFramework('Koa 3', Koa3);
export const koa2Framework = koaFramework('Koa 2', Koa2);

/** Every supported major of every framework. */
export const frameworks: readonly Framework[] = [
  express5Framework,
  express4Framework,
  koa3Framework,
  koa2Framework,
];

/** All frameworks, and a wrapped app. */
export const mounts: readonly Framework[] = [...frameworks, wrappedFramework];

/** Runs `use` against a server on loopback, and then closes it with all its connections. */
export async function listening<T>(
  listener: http.RequestListener,
  use: (url: string, port: number) => Promise<T>,
): Promise<T> {
  const server = http.createServer(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await use(`http://127.0.0.1:${port}`, port);
  } finally {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }
}
