import { Readable } from 'node:stream';
import { Layer, type Middleware, Response } from 'callnext';
import { toKoa } from 'callnext/koa';
import { gzip } from 'callnext/middleware/gzip';
import Koa3 from 'koa';
import { EventLog } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

const Koa2 = require('koa2') as typeof Koa3;

/** Bodies that yield one chunk and fail at the next read. */
const sources: Record<string, () => unknown> = {
  'a stream that fails at once': () =>
    new Readable({
      read() {
        this.destroy(new Error('source'));
      },
    }),
  'a stream that fails in the middle': () => Readable.from(failing()),
  'a Web stream that fails in the middle': () => {
    const chunks = failing();
    return new ReadableStream(
      {
        async pull(controller) {
          controller.enqueue((await chunks.next()).value);
        },
      },
      { highWaterMark: 0 },
    );
  },
};

async function* failing(): AsyncGenerator<Uint8Array, never> {
  yield Buffer.from('a');
  throw new Error('source');
}

/** What a middleware does with the response, what the client gets, and who sees the failure. */
type Row = [what: string, middleware: Middleware, cut: boolean, events: string[]];

const told = ['app: source', 'onError: source'];
const rows: Row[] = [
  [
    'makes a response of the body',
    async (_request, callNext) => {
      const response = await callNext();
      return new Response(response.body, response);
    },
    true,
    told,
  ],
  [
    'makes a response of a generator over the body',
    async (_request, callNext) => {
      const response = await callNext();
      const chunks = response.body as unknown as AsyncIterable<Uint8Array>;
      async function* copied() {
        for await (const chunk of chunks) yield chunk;
      }
      return new Response(copied(), response);
    },
    true,
    told,
  ],
  [
    'pipes the body through a transform',
    async (_request, callNext) => {
      const response = await callNext();
      return new Response(response.body?.pipeThrough(new TransformStream()), response);
    },
    true,
    told,
  ],
  ['compresses', gzip(), true, told],
  [
    'reads the body',
    async (_request, callNext) => {
      const response = await callNext();
      await response.text();
      return response;
    },
    false,
    ['app: source'],
  ],
  [
    'reads the body, and has another answer for its failure',
    async (_request, callNext) => {
      const response = await callNext();
      return response.text().then(
        text => new Response(text),
        () => new Response('another'),
      );
    },
    false,
    ['app: source'],
  ],
  [
    'answers otherwise, without reading',
    async (_request, callNext) => {
      await callNext();
      return new Response('another');
    },
    false,
    [],
  ],
];

describe.each<[string, typeof Koa3, string[]]>([
  ['Koa 3', Koa3, Object.keys(sources)],
  ['Koa 2', Koa2, Object.keys(sources).filter(title => !title.includes('Web'))],
])('on %s', (_name, Koa, titles) => {
  describe.each(titles)('the failure of %s', title => {
    it.each(rows)('is reported once when a middleware %s', async (_what, middleware, cut, events) => {
      const log = new EventLog();
      const layer = new Layer({
        middleware: [middleware],
        onError: error => log.add(`onError: ${(error as Error).message}`),
      });
      const app = new Koa()
        .on('error', error => log.add(`app: ${error.message}`))
        .use(toKoa(layer) as never)
        .use(ctx => {
          ctx.type = 'text/plain';
          ctx.body = (sources[title] as () => unknown)();
        });
      await listening(app.callback(), async (_url, port) => {
        const answer = await exchangeOnWire(port, '/', 'GET', ['accept-encoding: gzip']);
        expect(answer.cut).toBe(cut);
        await layer.close();
      });
      expect(log.events.sort()).toEqual(events);
    });
  });
});

it('a body that a middleware re-streams does not report a client that left', async () => {
  const log = new EventLog();
  const layer = new Layer({
    middleware: [
      async (_request, callNext) => {
        const response = await callNext();
        return new Response(response.body, response);
      },
    ],
    onError: error => log.add(`onError: ${(error as Error).message}`),
  });
  const app = new Koa3()
    .on('error', error => log.add(`app: ${error.message}`))
    .use(toKoa(layer) as never)
    .use(ctx => {
      const body = new Readable({ read: () => undefined });
      body.push('first');
      body.once('close', () => log.add('closed'));
      ctx.body = body;
    });
  await listening(app.callback(), async url => {
    const leaving = new AbortController();
    const { body } = await fetch(url, { signal: leaving.signal });
    await body?.getReader().read();
    leaving.abort();
    await log.until('closed');
    await layer.close();
  });
  expect(log.events).toEqual(['closed']);
});
