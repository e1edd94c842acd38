import { createHmac } from 'node:crypto';
import etag from '@koa/etag';
import {
  Depends,
  HTTPException,
  type Injected,
  JSONResponse,
  Layer,
  type Middleware,
  type Request,
  type Response,
} from 'callnext';
import { timeout } from 'callnext/middleware/timeout';
import compression from 'compression';
import cookieSession from 'cookie-session';
import type express from 'express';
import session, { type MemoryStore } from 'express-session';
import type Koa from 'koa';
import compress from 'koa-compress';
import koaSession from 'koa-session';
import morgan from 'morgan';
import onHeaders from 'on-headers';

type App = express.Express;

/** A package that an app uses, and how its answers are recognized. */
export interface Package<Mounted> {
  readonly name: string;
  readonly mount: (app: Mounted) => void;
  readonly isCoded?: boolean;
  readonly setsCookie?: boolean;
  /** A header that it adds to its answers. */
  readonly adds?: string;
}

const secret = 'secret';
/** The cookie of a stored session. */
export const sessionCookie = `connect.sid=${encodeURIComponent(`s:known.${signature('known')}`)}`;

function signature(value: string): string {
  return createHmac('sha256', secret).update(value).digest('base64').replace(/=+$/, '');
}

interface Sessions {
  readonly use?: (req: express.Request) => void;
  readonly options?: Partial<session.SessionOptions>;
  readonly isLoaded?: boolean;
  readonly touches?: boolean;
}

function sessions({ use, options, isLoaded = false, touches = true }: Sessions): (app: App) => void {
  return app => {
    const store: MemoryStore = new session.MemoryStore();
    if (!touches) Reflect.set(store, 'touch', undefined);
    const cookie = { originalMaxAge: null, path: '/', httpOnly: true };
    if (isLoaded) store.set('known', { cookie } as never);
    app.use((req, _res, next) => {
      if (!isLoaded) delete req.headers.cookie;
      next();
    });
    app.use(session({ secret, resave: false, saveUninitialized: false, store, ...options }));
    if (use) app.use((req, _res, next) => void next(use(req)));
  };
}

const changed = (req: express.Request): void => void Reflect.set(req.session, 'user', 'ann');

const alone: readonly Package<App>[] = [
  { name: 'nothing', mount: () => undefined },
  { name: 'express-session, new', mount: sessions({}) },
  {
    name: 'express-session, loaded',
    mount: sessions({ isLoaded: true, touches: false }),
  },
  {
    name: 'express-session, touched',
    mount: sessions({ isLoaded: true, options: { rolling: true } }),
    setsCookie: true,
  },
  { name: 'express-session, changed', mount: sessions({ use: changed }), setsCookie: true },
  {
    name: 'express-session, saved by hand',
    mount: sessions({
      use: req => {
        changed(req);
        req.session.save();
      },
    }),
    setsCookie: true,
  },
  {
    name: 'cookie-session',
    mount: app => {
      app.use(cookieSession({ name: 'session', keys: [secret] }));
      app.use((req, _res, next) => void next(changed(req)));
    },
    setsCookie: true,
  },
  { name: 'compression', mount: app => void app.use(compression({ threshold: 0 })), isCoded: true },
  { name: 'compression of a small body', mount: app => void app.use(compression()) },
  {
    name: 'on-headers',
    mount: app =>
      void app.use((_req, res, next) => {
        onHeaders(res, () => void res.setHeader('x-on-headers', '1'));
        next();
      }),
    adds: 'x-on-headers',
  },
  {
    name: 'morgan',
    mount: app => void app.use(morgan('tiny', { stream: { write: () => undefined } })),
  },
];

export const expressPackages: readonly Package<App>[] = [
  ...alone,
  {
    name: 'all of them',
    mount: app => {
      for (const name of ['express-session, changed', 'compression', 'on-headers', 'morgan'])
        alone.find(each => each.name === name)?.mount(app);
    },
    isCoded: true,
    setsCookie: true,
    adds: 'x-on-headers',
  },
];

const koaAlone: readonly Package<Koa>[] = [
  { name: 'nothing', mount: () => undefined },
  {
    name: 'koa-session',
    mount: app => {
      app.keys = [secret];
      app.use(koaSession({ signed: true }, app as never) as never);
      app.use((ctx, next) => {
        (ctx.session as unknown as { user: string }).user = 'ann';
        return next();
      });
    },
    setsCookie: true,
  },
  {
    name: 'koa-compress',
    mount: app => void app.use(compress({ threshold: 0, br: false }) as never),
    isCoded: true,
  },
  {
    name: 'koa-compress of a small body',
    mount: app => void app.use(compress({ threshold: 10_000, br: false }) as never),
  },
  { name: '@koa/etag', mount: app => void app.use(etag() as never), adds: 'etag' },
];

export const koaPackages: readonly Package<Koa>[] = [
  ...koaAlone,
  {
    name: 'all of them',
    mount: app => {
      for (const { mount } of koaAlone.filter(({ name }) => !name.includes('small body'))) mount(app);
    },
    isCoded: true,
    setsCookie: true,
  },
];

/** The events of one request's dependencies. */
export type Events = string[];

class Refused extends Error {}

/** A way in which the given answer is replaced or changed. */
export interface Outcome {
  readonly name: string;
  readonly layer?: () => Layer;
  /** Whether the handler continues after the client has its answer. */
  readonly isLate?: boolean;
  /** What the exit of scope `function` throws. */
  readonly commit?: () => Error;
  readonly status: number;
  readonly text: string;
  /** The final answer's author: the app's error page, the layer, or the handler. */
  readonly by: 'app' | 'layer' | 'handler';
  readonly events: Events;
}

/** The handler's answer: large enough to be compressed, and below compression's buffer size. */
export const item = { item: 'x'.repeat(300) };
const answer = JSON.stringify(item);
export const quiet = (options: object = {}): Layer => new Layer({ onError: () => undefined, ...options });
const after =
  (then: (response: Response, request: Request) => Response): Middleware =>
  async (request, callNext) =>
    then(await callNext(request), request);

export const outcomes: readonly Outcome[] = [
  {
    name: 'the commit throws an error',
    commit: () => new Error('commit failed'),
    status: 503,
    text: '{"failed":"commit failed"}',
    by: 'app',
    events: ['rollback: commit failed'],
  },
  {
    name: 'the commit throws an HTTPException',
    commit: () => new HTTPException(409, 'conflict'),
    status: 409,
    text: '{"detail":"conflict"}',
    by: 'layer',
    events: ['rollback: conflict'],
  },
  {
    name: 'an exception handler answers',
    commit: () => new Refused('refused'),
    layer: () =>
      quiet({ exceptionHandlers: [[Refused, () => new JSONResponse({ handled: true }, { status: 418 })]] }),
    status: 418,
    text: '{"handled":true}',
    by: 'layer',
    events: ['rollback: refused'],
  },
  {
    name: 'a middleware throws',
    layer: () =>
      quiet({
        middleware: [
          after(() => {
            throw new Error('after');
          }),
        ],
      }),
    status: 503,
    text: '{"failed":"after"}',
    by: 'app',
    events: ['commit', 'rollback: after'],
  },
  {
    name: 'a middleware replaces the answer',
    layer: () => quiet({ middleware: [after(() => new JSONResponse({ replaced: true }, { status: 202 }))] }),
    status: 202,
    text: '{"replaced":true}',
    by: 'layer',
    events: ['commit', 'exit', 'task'],
  },
  {
    name: 'a middleware sets a status',
    layer: () =>
      quiet({
        middleware: [
          after(response => {
            response.status = 203;
            return response;
          }),
        ],
      }),
    status: 203,
    text: answer,
    by: 'handler',
    events: ['commit', 'exit', 'task'],
  },
  {
    name: 'the answer comes after a timeout',
    layer: () => quiet({ middleware: [timeout({ timeoutMs: 20 })] }),
    status: 504,
    text: '{"detail":"Gateway Timeout"}',
    by: 'layer',
    events: ['rollback: Gateway Timeout'],
    isLate: true,
  },
];

/** Creates dependencies of one request that record their exits, and a task. */
export function dependencies(outcome: Outcome, events: Events) {
  async function* getDb({ backgroundTasks }: Injected): AsyncGenerator<string, void, undefined> {
    backgroundTasks.addTask(() => void events.push('task'));
    try {
      yield 'db';
      events.push('exit');
    } catch (error) {
      events.push(`rollback: ${(error as Error).message}`);
      throw error;
    }
  }
  async function* getTransaction(): AsyncGenerator<string, void, undefined> {
    yield 'tx';
    if (outcome.commit) throw outcome.commit();
    events.push('commit');
  }
  return { db: Depends(getDb), tx: Depends(getTransaction, { scope: 'function' }) };
}

/** The compared part of an answer. */
export interface Seen {
  readonly status: number;
  readonly text: string;
  readonly coding: string | undefined;
  readonly isFramed: boolean;
  readonly cookie: boolean;
  readonly isAdded: boolean;
  readonly events: Events;
  readonly isReused: boolean;
}

/** The place of a package relative to the layer. */
export type Position = 'below' | 'above';

/** On Koa, the app's error page bypasses packages that are below its error middleware. */
export function expected<Mounted>(
  { status, text, by, events }: Outcome,
  { isCoded = false, setsCookie = false, adds }: Package<Mounted>,
  position: Position,
  isKoa = false,
): Seen {
  const takesPart = by === 'handler' || position === 'above';
  return {
    status,
    text,
    coding: isCoded && takesPart && !(isKoa && by === 'app') ? 'gzip' : undefined,
    isFramed: true,
    cookie: setsCookie && takesPart,
    // @koa/etag skips unsuccessful answers.
    isAdded: adds !== undefined && takesPart && (adds !== 'etag' || status < 300),
    events,
    isReused: true,
  };
}

/** The rows of the page: the result of each outcome, by package and position. */
export function rowsOf<Mounted>(packages: readonly Package<Mounted>[], isKoa = false): string[][] {
  return packages
    .filter(({ name }) => name !== 'nothing')
    .flatMap(packaged =>
      (['below', 'above'] as const).map(position => [
        `${packaged.name}, ${position}`,
        ...outcomes.map(outcome => shown(expected(outcome, packaged, position, isKoa))),
      ]),
    );
}

function shown({ status, coding, cookie }: Seen): string {
  return [status, coding, cookie && 'cookie'].filter(Boolean).join(' ');
}
