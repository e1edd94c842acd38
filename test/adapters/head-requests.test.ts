import { createReadStream } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { endpoint, Layer, type Middleware, Response } from 'callnext';
import { toExpress, wrap } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import express5 from 'express';
import Koa3 from 'koa';
import { listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;
const file = path.join(__dirname, '../fixtures/small.txt');

/** Ways in which middleware treats a response; `seen` collects what it sees of the body. */
const middleware: Record<string, (seen: unknown[]) => Middleware> = {
  'looks at the body': seen => async (request, callNext) => {
    const response = await callNext(request);
    seen.push(response.body);
    return response;
  },
  'reads the body': seen => async (request, callNext) => {
    const response = await callNext(request);
    seen.push(response.body, await response.text());
    return response;
  },
  'reads a clone': seen => async (request, callNext) => {
    const response = await callNext(request);
    const copy = response.clone();
    seen.push(copy.body, await copy.text());
    return response;
  },
  'makes a response of the body': seen => async (request, callNext) => {
    const response = await callNext(request);
    seen.push(response.body);
    return new Response(response.body, response);
  },
  'makes a response of the text': seen => async (request, callNext) => {
    const response = await callNext(request);
    const text = await response.text();
    seen.push(response.body, text);
    return new Response(text.toUpperCase(), response);
  },
};

/** How often a source was opened. */
const opened = { count: 0 };

function lazyStream(): Readable {
  return new Readable({
    read() {
      opened.count += 1;
      this.push('chunk');
    },
  });
}

const koaAnswers: Record<string, (ctx: Koa3.Context) => void> = {
  'a string': ctx => {
    ctx.body = 'text';
  },
  'a buffer with an etag': ctx => {
    ctx.set('etag', '"a"');
    ctx.body = Buffer.from('text');
  },
  'a stream that never ends': ctx => {
    ctx.body = new PassThrough();
  },
  'a stream that is read when it is sent': ctx => {
    ctx.body = lazyStream();
  },
  'a file with a length': ctx => {
    ctx.length = 10;
    ctx.type = 'text/plain';
    ctx.body = createReadStream(file);
  },
  'a 404': () => undefined,
  JSON: ctx => {
    ctx.body = { some: 'json' };
  },
  'no body': ctx => {
    ctx.body = null;
  },
  'the native response': ctx => {
    ctx.respond = false;
    ctx.res.writeHead(201, { 'content-type': 'text/plain' }).end('text');
  },
};
const koa3Answers: typeof koaAnswers = {
  ...koaAnswers,
  'a Web stream': ctx => {
    const pull = (controller: ReadableStreamDefaultController): void => {
      opened.count += 1;
      controller.enqueue(Buffer.from('chunk'));
    };
    ctx.body = new ReadableStream({ pull }, { highWaterMark: 0 });
  },
  'a Blob': ctx => {
    ctx.body = new Blob(['text']);
  },
  'a Fetch response': ctx => {
    ctx.body = new globalThis.Response('text');
  },
};
/** Koa sets headers for these only when it sends them, and none on a response made from them. */
const describedLate = ['JSON', 'a 404', 'a Web stream', 'a Fetch response'];

type Answers = Record<string, (res: express5.Response) => unknown>;

const nodeAnswers: Answers = {
  'a string at the end': res => res.setHeader('content-type', 'text/plain').end('text'),
  'a head and writes': res => {
    res.writeHead(200, { 'content-type': 'text/plain' });
    res.write('a');
    res.end('b');
  },
  'a pipe': res => createReadStream(file).pipe(res.setHeader('content-type', 'text/plain')),
};
const expressAnswers: Answers = {
  ...nodeAnswers,
  'res.send': res => res.send('text'),
  'res.send of a buffer': res => res.send(Buffer.from('text')),
  'res.json': res => res.json({ some: 'json' }),
  'res.sendFile': res => res.sendFile(file),
  'res.sendStatus': res => res.sendStatus(202),
};

/** Creates an app with this answer, with or without middleware around it. */
type AppOf = (answer: never, around: Middleware | undefined) => http.RequestListener;

const expressApp =
  (express: typeof express5): AppOf =>
  (answer: Answers[string], around) => {
    const app = express().set('env', 'test');
    if (around) app.use(toExpress(new Layer({ middleware: [around] })) as never);
    return app.use((_req, res) => void answer(res));
  };
const wrapped: AppOf = (answer, around) => {
  const app = expressApp(express5)(answer, undefined);
  return around ? (wrap(app as never, around) as http.RequestListener) : app;
};
const koaApp =
  (Koa: typeof Koa3): AppOf =>
  (answer: (ctx: Koa3.Context) => void, around) => {
    const app = new Koa();
    if (around) app.use(toKoa(around) as never);
    return app.use(ctx => answer(ctx)).callback();
  };
const node: AppOf = (answer: Answers[string], around) => {
  const listener = (_req: http.IncomingMessage, res: http.ServerResponse): void => void answer(res as never);
  return around ? (toNode(around, listener) as http.RequestListener) : listener;
};

/** A middleware's own response has its headers in another order. */
function linesOf(head: string): string[] {
  return head
    .split('\r\n')
    .map(line => line.replace(/^[^:]+:/, name => name.toLowerCase()))
    .sort();
}

describe.each<[string, AppOf, Record<string, unknown>]>([
  ['Express 5', expressApp(express5), expressAnswers],
  ['Express 4', expressApp(express4), expressAnswers],
  ['Express 5, wrapped', wrapped, expressAnswers],
  ['Koa 3', koaApp(Koa3), koa3Answers],
  ['Koa 2', koaApp(Koa2), koaAnswers],
  ['Node', node, nodeAnswers],
])('HEAD on %s', (_name, appOf, answers) => {
  it.each(Object.keys(answers))(
    'has no body for middleware, and the same headers as without a layer: %s',
    async title => {
      const headOf = (around?: Middleware): Promise<string> =>
        listening(appOf(answers[title] as never, around), async (_url, port) => {
          const { head, body } = await exchangeOnWire(port, '/', 'HEAD');
          return head + body;
        });
      opened.count = 0;
      const native = await headOf();
      for (const [what, make] of Object.entries(middleware)) {
        const seen: unknown[] = [];
        const isMade = what.startsWith('makes');
        if (isMade && describedLate.includes(title)) continue;
        const shown = (head: string): unknown => (isMade ? linesOf(head) : head);
        expect([what, shown(await headOf(make(seen)))]).toEqual([what, shown(native)]);
        expect([what, seen[0], seen[1] ?? '']).toEqual([what, null, '']);
      }
      expect(opened.count).toBe(0);
    },
  );
});

it('a HEAD that a middleware turns into a GET has a body for that middleware', async () => {
  const seen: unknown[] = [];
  const app = koaApp(Koa3)(koaAnswers['a string'] as never, async (request, callNext) => {
    const { Request } = await import('callnext');
    const response = await callNext(new Request(request, { method: 'GET' }));
    seen.push(await response.text());
    return response;
  });
  await listening(app, (_url, port) => exchangeOnWire(port, '/', 'HEAD'));
  expect(seen).toEqual(['text']);
});

it.each<[string, (around: Middleware) => http.RequestListener]>([
  [
    'Express 5',
    around => express5().use(toExpress(around), toExpress(around), toExpress(returning)) as never,
  ],
  ['Koa 3', around => koaWith(new Koa3(), around)],
  ['Koa 2', around => koaWith(new Koa2(), around)],
])('HEAD of a value that an endpoint returns has a body for middleware on %s', async (_name, appOf) => {
  const seen: string[] = [];
  const listener = appOf(async (request, callNext) => {
    const response = await callNext(request);
    seen.push(await response.text());
    return response;
  });
  const { head, body } = await listening(listener, (_url, port) => exchangeOnWire(port, '/', 'HEAD'));
  expect([/content-length: (\d+)/i.exec(head)?.[1], body]).toEqual(['4', '']);
  expect(seen).toEqual(['text', 'text']);
});

const returning = endpoint({}, () => new Response('text'));

function koaWith(app: Koa3, around: Middleware): http.RequestListener {
  for (const target of [around, around, returning]) app.use(toKoa(target as Middleware) as never);
  return app.callback();
}
