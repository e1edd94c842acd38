// Two copies of callnext in one app: its ES modules and its CommonJS, or two installations in node_modules.
import type http from 'node:http';
import express5 from 'express';
import Koa3 from 'koa';
import { EventLog } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { record } from '../support/wire.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

type Core = typeof import('callnext');
interface Copy {
  readonly core: Core;
  readonly express: typeof import('callnext/express');
  readonly koa: typeof import('callnext/koa');
  readonly node: typeof import('callnext/node');
  readonly gzip: typeof import('callnext/middleware/gzip');
  readonly sessions: typeof import('callnext/middleware/sessions');
  readonly bodyLimit: typeof import('callnext/middleware/body-limit');
}

const versionFile = '../../adapters/node/exchange-key';
const { version } = require(versionFile) as { version: string };

function newCopy(version?: string): Copy {
  let copy: Copy | undefined;
  jest.isolateModules(() => {
    const named = { ...jest.requireActual(versionFile), version };
    if (version) jest.doMock(versionFile, () => named);
    copy = {
      core: require('callnext'),
      express: require('callnext/express'),
      koa: require('callnext/koa'),
      node: require('callnext/node'),
      gzip: require('callnext/middleware/gzip'),
      sessions: require('callnext/middleware/sessions'),
      bodyLimit: require('callnext/middleware/body-limit'),
    };
    jest.dontMock(versionFile);
  });
  return copy as Copy;
}

/** The first copy to answer on a copy of Express patches its prototypes. */
const first = newCopy();
const second = newCopy();

type Target = Parameters<typeof first.express.toExpress>[0];
type Native = (answer: NativeAnswer) => unknown;
interface NativeAnswer {
  readonly req: http.IncomingMessage;
  readonly res: http.ServerResponse;
  send(body: unknown): void;
}

/** An app inside a layer of one copy; the other copy has a layer around what is mounted at `/in`. */
interface Place {
  readonly name: string;
  mount(outer: Copy, inner: Copy, layers: readonly [Target, Target], below: Below): http.RequestListener;
}
type Below = { readonly native: Native } | { readonly target: (copy: Copy) => Target };

function onExpress(express: typeof express5, isNested: boolean, isWrapped = false): Place['mount'] {
  return (outer, inner, [around, within], below) => {
    const app = express().set('env', 'test');
    if (!isWrapped) app.use(outer.express.toExpress(around as never) as never);
    const inside = isNested ? express.Router() : app;
    inside.use(inner.express.toExpress(within as never) as never);
    if ('target' in below) inside.use(inner.express.toExpress(below.target(inner) as never) as never);
    else
      inside.use((req, res, next) => {
        const answer = { req, res, send: (body: unknown) => res.send(body) };
        new Promise(resolve => resolve(below.native(answer))).catch(next);
      });
    if (isNested) app.use(inside);
    return (isWrapped ? outer.express.wrap(app as never, around as never) : app) as http.RequestListener;
  };
}

function onKoa(Koa: typeof Koa3): Place['mount'] {
  return (outer, inner, [around, within], below) => {
    const app = new Koa();
    app.silent = true;
    app.use(outer.koa.toKoa(around as never) as never);
    app.use(inner.koa.toKoa(within as never) as never);
    if ('target' in below) app.use(inner.koa.toKoa(below.target(inner) as never) as never);
    else
      app.use(async ctx => {
        const send = (body: unknown): void => {
          ctx.body = body;
        };
        await below.native({ req: ctx.req, res: ctx.res, send });
      });
    return app.callback();
  };
}

const onNode: Place['mount'] = (outer, inner, [around, within], below) => {
  const native = (req: http.IncomingMessage, res: http.ServerResponse): unknown =>
    'native' in below ? below.native({ req, res, send: body => res.end(body) }) : undefined;
  const listener = 'target' in below ? inner.node.toNode(below.target(inner) as never) : native;
  return outer.node.toNode(around as never, inner.node.toNode(within as never, listener as never) as never);
};

const places: readonly Place[] = [
  { name: 'Express 5', mount: onExpress(express5, false) },
  { name: 'Express 5, in a router', mount: onExpress(express5, true) },
  { name: 'Express 5, wrapped', mount: onExpress(express5, false, true) },
  { name: 'Express 4', mount: onExpress(express4, false) },
  { name: 'Koa 3', mount: onKoa(Koa3) },
  { name: 'Koa 2', mount: onKoa(Koa2) },
  { name: 'toNode', mount: onNode },
];

/** The inner layer's middleware, for a copy. */
type Inner = (copy: Copy, log: EventLog) => readonly unknown[];

interface Case {
  readonly title: string;
  readonly method?: string;
  readonly outer?: Inner;
  readonly inner?: Inner;
  readonly below: (copy: Copy, log: EventLog) => Below;
}

const passing: Inner = () => [];
const text = 'text '.repeat(1000);
const cases: readonly Case[] = [
  { title: 'native code answers', below: () => ({ native: answer => answer.send('native') }) },
  {
    title: 'native code writes in parts',
    below: () => ({
      native: ({ res }) => {
        res.statusCode = 201;
        res.setHeader('x-native', 'yes');
        res.write('one ');
        res.end('two');
      },
    }),
  },
  {
    title: 'native code injects and answers',
    below: (copy, log) => ({
      native: async ({ res, send }) => {
        const { Depends } = copy.core;
        async function* getDb() {
          try {
            yield 'db';
          } finally {
            log.add('db exit');
          }
        }
        const injected = await injectIn(copy, res, Depends(getDb));
        send(`injected ${injected}`);
      },
    }),
  },
  {
    title: 'native code throws an error',
    below: () => ({ native: () => Promise.reject(Object.assign(new Error('failed'), { stack: 'stack' })) }),
  },
  {
    title: 'native code throws what is no error',
    below: () => ({ native: () => Promise.reject({ status: 409, expose: true, stack: 'stack' }) }),
  },
  {
    title: 'native code throws an HTTPException',
    below: copy => ({ native: () => Promise.reject(new copy.core.HTTPException(409, 'taken')) }),
  },
  {
    title: 'native code destroys its response',
    below: () => ({ native: ({ res }) => void setImmediate(() => res.destroy()) }),
  },
  {
    title: 'an endpoint answers, with a task',
    below: (_copy, log) => ({
      target: copy =>
        copy.core.endpoint({}, ({ backgroundTasks, response }) => {
          backgroundTasks.addTask(log.add, 'task');
          response.headers.set('x-endpoint', 'yes');
          return { answer: 42 };
        }) as Target,
    }),
  },
  {
    title: 'an endpoint throws an HTTPException',
    below: () => ({
      target: copy =>
        copy.core.endpoint({}, () => {
          throw new copy.core.HTTPException(418, 'teapot', { headers: { 'x-tea': 'yes' } });
        }) as Target,
    }),
  },
  {
    title: 'an endpoint streams',
    below: () => ({
      target: copy =>
        copy.core.endpoint({}, () => new copy.core.StreamingResponse(['one ', 'two'])) as Target,
    }),
  },
  {
    title: 'an endpoint answers without a body, and an outer middleware looks at it',
    outer: (_copy, log) => [
      async (request: never, callNext: (request: never) => Promise<Response>) => {
        const response = await callNext(request);
        log.add(`body ${response.body}`);
        return response;
      },
    ],
    below: () => ({ target: copy => copy.core.endpoint({}, () => new copy.core.Response(null)) as Target }),
  },
  {
    title: 'an endpoint answers HEAD, and an outer middleware reads the body',
    method: 'HEAD',
    outer: (_copy, log) => [
      async (request: never, callNext: (request: never) => Promise<Response>) => {
        const response = await callNext(request);
        log.add(`read ${await response.text()}`);
        return response;
      },
    ],
    below: () => ({ target: copy => copy.core.endpoint({}, () => ({ answer: 42 })) as Target }),
  },
  {
    title: 'an endpoint streams and fails, and an outer middleware reads the body',
    outer: (_copy, log) => [
      async (request: never, callNext: (request: never) => Promise<Response>) => {
        const response = await callNext(request);
        await response
          .text()
          .catch((error: Error) => log.add(`read ${error.message}, frozen: ${Object.isFrozen(error)}`));
        return response;
      },
    ],
    below: () => ({
      target: copy =>
        copy.core.endpoint({}, () => {
          async function* chunks() {
            yield 'one ';
            throw Object.freeze(Object.assign(new Error('stream failed'), { stack: 'stack' }));
          }
          return new copy.core.StreamingResponse(chunks());
        }) as Target,
    }),
  },
  {
    title: 'an inner middleware changes a header and the status',
    inner: () => [
      async (request: never, callNext: (request: never) => Promise<Response>) => {
        const response = await callNext(request);
        response.headers.set('x-inner', 'yes');
        Reflect.set(response, 'status', 202);
        return response;
      },
    ],
    below: () => ({ native: answer => answer.send('native') }),
  },
  {
    title: 'an inner middleware makes a response of the body',
    inner: ({ core }) => [
      async (request: never, callNext: (request: never) => Promise<Response>) => {
        const response = await callNext(request);
        return new core.Response(`${await response.text()} read`, response as never);
      },
    ],
    below: () => ({ native: answer => answer.send('native') }),
  },
  {
    title: 'an inner middleware sends the stream of the body',
    inner: ({ core }) => [
      async (request: never, callNext: (request: never) => Promise<Response>) => {
        const response = await callNext(request);
        return new core.Response(response.body as never, response as never);
      },
    ],
    below: () => ({ native: answer => answer.send('native') }),
  },
  {
    title: 'an inner middleware throws',
    inner: () => [
      async (request: never, callNext: (request: never) => Promise<Response>) => {
        await callNext(request);
        throw Object.assign(new Error('middleware failed'), { stack: 'stack' });
      },
    ],
    below: () => ({ native: answer => answer.send('native') }),
  },
  {
    title: 'an inner layer compresses and has sessions',
    inner: ({ gzip, sessions }) => [
      gzip.gzip(),
      sessions.sessions({ secretKey: 'a secret of enough characters' } as never),
      async (request: { session: Record<string, unknown> }, callNext: (r: never) => Promise<Response>) => {
        request.session.user = 'u';
        return callNext(request as never);
      },
    ],
    below: () => ({
      native: answer => {
        answer.res.setHeader('Content-Type', 'text/plain');
        answer.send(text);
      },
    }),
  },
  {
    title: 'an inner layer limits bodies',
    inner: ({ bodyLimit }) => [bodyLimit.bodyLimit({ maxBodySize: 2 })],
    below: () => ({
      target: copy => copy.core.endpoint({}, async ({ request }) => request.text()) as Target,
    }),
  },
];

/** Injects through the response, which all adapters find. */
function injectIn(copy: Copy, res: http.ServerResponse, marker: unknown): Promise<unknown> {
  return (copy.koa.inject as (ctx: { res: object }, marker: unknown) => Promise<unknown>)({ res }, marker);
}

/** Runs one request with each layer from its own copy. Returns the response and the events. */
async function run(
  place: Place,
  { method = 'POST', outer = passing, inner = passing, below }: Case,
  outerCopy: Copy,
  innerCopy: Copy,
) {
  const log = new EventLog();
  const layerOf = (name: string, copy: Copy, middleware: readonly unknown[]): Target => {
    async function* dependency() {
      log.add(`${name} enter`);
      try {
        yield name;
        log.add(`${name} exit`);
      } catch (error) {
        log.add(`${name} exit with ${(error as Error).message}`);
        throw error;
      }
    }
    const watching = async (request: never, callNext: (request: never) => Promise<Response>) => {
      try {
        const response = await callNext(request);
        log.add(`${name} after ${response.status}`);
        return response;
      } catch (error) {
        log.add(`${name} caught ${(error as Error).message}`);
        throw error;
      }
    };
    return new copy.core.Layer({
      middleware: [watching as never, ...(middleware as never[])],
      dependencies: [copy.core.Depends(dependency)],
      onError: (error, { phase }) => log.add(`${name} reported ${phase}: ${error.message}`),
    }) as Target;
  };
  const layers = [
    layerOf('outer', outerCopy, outer(outerCopy, log)),
    layerOf('inner', innerCopy, inner(innerCopy, log)),
  ] as const;
  const listener = place.mount(outerCopy, innerCopy, layers, below(innerCopy, log));
  const request = `${method} /in HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAccept-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbody`;
  const { bytes } = await listening(listener, async (_url, port) => {
    const got = await record(port, request);
    await (layers[0] as { close(): Promise<unknown> }).close();
    return got;
  });
  const shown = bytes.replace(/\r\nDate: [^\r]*/i, '').replace(/session=[^;]*/, 'session=…');
  return { shown, events: log.events };
}

describe.each(places)('two copies of callnext on $name', place => {
  it.each(cases)('act as two layers of one copy when $title', async row => {
    const one = await run(place, row, first, first);
    expect(one.events).toContain('inner enter');
    expect(await run(place, row, first, second)).toEqual(one);
    expect(await run(place, row, second, first)).toEqual(one);
  });

  it('report another version with an error that names both', async () => {
    const other = newCopy('9.9.9');
    const row: Case = { title: '', below: () => ({ native: answer => answer.send('native') }) };
    const { shown, events } = await run(place, row, first, other);
    const refusal = `callnext 9.9.9 received a request that callnext ${version} had opened.`;
    expect(shown).toMatch(/^HTTP\/1.1 500 /);
    expect(events).toContainEqual(expect.stringContaining(`outer caught ${refusal}`));
    expect(events).not.toContain('inner enter');
    await expect(run(place, row, other, other)).resolves.toMatchObject({
      events: expect.arrayContaining(['inner enter']),
    });
  });
});

it('know their own version', () => {
  expect(version).toBe(require('../../package.json').version);
});
