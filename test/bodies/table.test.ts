import { gzipSync } from 'node:zlib';
import bodyParser from '@koa/bodyparser';
import koaMulter from '@koa/multer';
import { endpoint, Layer, type Middleware, type Request } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express5 from 'express';
import Koa3 from 'koa';
import { koaBody } from 'koa-body';
import multer from 'multer';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

interface Content {
  readonly type: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly coding?: string;
}

const boundary = '----x';
const multipart = [
  `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n`,
  `--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="é.txt"\r\nContent-Type: text/plain\r\n\r\nfile é\r\n`,
  `--${boundary}--\r\n`,
].join('');

const contents: Record<string, Content> = {
  json: { type: 'application/json', body: '{"a": "é", "b":[1, 2.50]}' },
  'json in gzip': { type: 'application/json', body: Uint8Array.from(gzipSync('{"a": "é"}')), coding: 'gzip' },
  urlencoded: { type: 'application/x-www-form-urlencoded', body: 'a=1&b=%C3%A9&b=+2' },
  text: { type: 'text/plain', body: 'text é' },
  bytes: { type: 'application/octet-stream', body: Uint8Array.of(0, 255, 10) },
  multipart: { type: `multipart/form-data; boundary=${boundary}`, body: multipart },
};

type Reader = (request: Request) => Promise<unknown>;

const readers: Record<string, Reader> = {
  json: request => request.json(),
  text: request => request.text(),
  bytes: async request => Buffer.from(await request.bytes()).toString('base64'),
  'a clone': request => request.clone().text(),
  body: async request => Buffer.from(await new Response(request.body).arrayBuffer()).toString('base64'),
  form: async request => formOf(await request.formData()),
  'a Fetch request': async request => {
    const { native } = request;
    const type = native.headers.get('content-type') ?? '';
    if (/form/.test(type)) return formOf(await native.formData());
    return /json/.test(type) && !native.headers.has('content-encoding')
      ? native.json()
      : Buffer.from(await native.arrayBuffer()).toString('base64');
  },
};

async function formOf(form: FormData): Promise<unknown> {
  const entries = [...form].map(async ([name, value]) =>
    typeof value === 'string' ? [name, value] : [name, value.name, value.type, await value.text()],
  );
  return Promise.all(entries);
}

/** The result of a reader, or its refusal. */
async function outcome(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    const { code, status, name } = error as { code?: string; status?: number; name: string };
    return `refused: ${code ?? `${name} ${status}`}`;
  }
}

/** Native code that reads a body, and its result. */
interface Host {
  readonly parsers: readonly string[];
  /** An app with the parser before or after the layer, and an endpoint that reports what both have read. */
  app(options: {
    parser: string;
    before: boolean;
    layer: Layer;
    read: Reader;
  }): (req: never, res: never) => void;
}

function expressHost(express: typeof express5): Host {
  const native: Record<string, () => express5.RequestHandler> = {
    'express.json': () => express.json(),
    'express.urlencoded': () => express.urlencoded({ extended: false }),
    'express.text': () => express.text(),
    'express.raw': () => express.raw(),
    multer: () => multer().any(),
    'data events': () => (req, _res, next) => {
      const parts: Buffer[] = [];
      req.on('data', part => parts.push(part));
      req.on('end', () => {
        Reflect.set(req, 'seen', Buffer.concat(parts).toString('base64'));
        next();
      });
    },
    nothing: () => (_req, _res, next) => next(),
  };
  return {
    parsers: Object.keys(native),
    app({ parser, before, layer, read }) {
      const app = express();
      const parse = native[parser] as () => express5.RequestHandler;
      if (before) app.use(parse());
      app.use(toExpress(layer));
      if (!before) app.use(parse());
      const answer = endpoint({}, async ({ request }) => {
        const { req } = request.raw as { req: express5.Request & { files?: unknown; seen?: string } };
        const { body, files, seen } = req;
        return { native: body ?? null, files: files ?? null, seen, ours: await outcome(() => read(request)) };
      });
      app.post('/', toExpress(answer));
      return app as never;
    },
  };
}

function koaHost(Koa: typeof Koa3): Host {
  const native: Record<string, () => Koa3.Middleware> = {
    '@koa/bodyparser': () => bodyParser({ enableTypes: ['json', 'form', 'text'] }) as Koa3.Middleware,
    'koa-body': () => koaBody() as never,
    '@koa/multer': () => koaMulter().any() as never,
    'data events': () => async (ctx, next) => {
      const parts: Buffer[] = [];
      for await (const part of ctx.req) parts.push(part);
      ctx.seen = Buffer.concat(parts).toString('base64');
      await next();
    },
    nothing: () => (_ctx, next) => next(),
  };
  return {
    parsers: Object.keys(native),
    app({ parser, before, layer, read }) {
      const app = new Koa();
      const parse = native[parser] as () => Koa3.Middleware;
      if (before) app.use(parse());
      app.use(toKoa(layer));
      if (!before) app.use(parse());
      const answer = endpoint({}, async ({ request }) => {
        const ctx = request.raw as Koa3.Context & { files?: unknown; seen?: string };
        const { body } = ctx.request as { body?: unknown };
        return {
          native: body ?? null,
          files: ctx.files ?? null,
          seen: ctx.seen,
          ours: await outcome(() => read(request)),
        };
      });
      app.use(toKoa(answer));
      return app.callback() as never;
    },
  };
}

const hosts: [string, Host][] = [
  ['Express 5', expressHost(express5)],
  ['Express 4', expressHost(express4)],
  ['Koa 3', koaHost(Koa3)],
  ['Koa 2', koaHost(Koa2)],
];

async function post(app: (req: never, res: never) => void, content: Content): Promise<Seen> {
  return listening(app as never, async url => {
    const headers: Record<string, string> = { 'content-type': content.type };
    if (content.coding) headers['content-encoding'] = content.coding;
    const response = await fetch(url, { method: 'POST', headers, body: content.body });
    return (await response.json()) as Seen;
  });
}

const answers = new Map<unknown, Map<string, Promise<Seen>>>();

/** The result of a parser without callnext. */
function plain(host: Host, parser: string, name: string, reader: string): Promise<Seen> {
  const known = answers.get(host) ?? new Map<string, Promise<Seen>>();
  answers.set(host, known);
  const key = [parser, name, reader].join();
  const read = readers[reader] ?? (() => Promise.resolve());
  const app = () => host.app({ parser, before: false, layer: new Layer(), read });
  const seen = known.get(key) ?? post(app(), contents[name] as Content);
  known.set(key, seen);
  return seen;
}

type Seen = { native: unknown; files: unknown; seen?: string; ours: unknown };

/** Who reads, and when. Each resolves once all have read, so a hang is a failure. */
const orders: Record<string, (read: Reader) => { middleware: Middleware[]; others: unknown[] }> = {
  'a middleware, then the parser, then the endpoint': read => {
    const others: unknown[] = [];
    const first: Middleware = async (request, callNext) => {
      others.push(await outcome(() => read(request)));
      return callNext(request);
    };
    return { middleware: [first], others };
  },
  'two middlewares, then the parser, then the endpoint': read => {
    const others: unknown[] = [];
    const reading: Middleware = async (request, callNext) => {
      others.push(await outcome(() => read(request)));
      return callNext(request);
    };
    return { middleware: [reading, async (request, callNext) => reading(request, callNext)], others };
  },
  'the parser, then the endpoint': () => ({ middleware: [], others: [] }),
  'the parser, then the endpoint, then a middleware': read => {
    const others: unknown[] = [];
    const late: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      others.push(await outcome(() => read(request)));
      return response;
    };
    return { middleware: [late], others };
  },
  'a middleware that does not wait, and the parser, then the endpoint': read => {
    const others: unknown[] = [];
    const beside: Middleware = async (request, callNext) => {
      const all = outcome(() => read(request)).then(seen => others.push(seen));
      const response = await callNext(request);
      await all;
      return response;
    };
    return { middleware: [beside], others };
  },
  'a middleware that takes the first chunk, then the parser, then the endpoint': () => {
    const peeking: Middleware = async (request, callNext) => {
      const reader = request.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      return callNext(request);
    };
    return { middleware: [peeking], others: [] };
  },
};

/** Covers each order, content and parser at least once, and each parser in the orders that affect it. */
const rows: [order: string, content: string, onExpress: string, onKoa: string][] = [
  ['a middleware, then the parser, then the endpoint', 'json', 'express.json', '@koa/bodyparser'],
  ['a middleware, then the parser, then the endpoint', 'multipart', 'multer', '@koa/multer'],
  ['two middlewares, then the parser, then the endpoint', 'json in gzip', 'express.json', '@koa/bodyparser'],
  ['the parser, then the endpoint', 'urlencoded', 'express.urlencoded', 'koa-body'],
  ['the parser, then the endpoint', 'json', 'nothing', 'nothing'],
  ['the parser, then the endpoint, then a middleware', 'text', 'express.text', '@koa/bodyparser'],
  ['the parser, then the endpoint, then a middleware', 'multipart', 'multer', '@koa/multer'],
  [
    'a middleware that does not wait, and the parser, then the endpoint',
    'bytes',
    'express.raw',
    'data events',
  ],
  [
    'a middleware that takes the first chunk, then the parser, then the endpoint',
    'json',
    'data events',
    'koa-body',
  ],
  [
    'a middleware that takes the first chunk, then the parser, then the endpoint',
    'multipart',
    'multer',
    '@koa/multer',
  ],
];

describe.each(hosts)('bodies on %s', (hostName, host) => {
  const cases = rows.map(
    ([order, content, onExpress, onKoa]) =>
      [content, hostName.startsWith('Koa') ? onKoa : onExpress, order] as const,
  );

  it.each(cases)('are complete for every reader: %s with %s, read by %s', async (name, parser, order) => {
    const arrange = orders[order] as (typeof orders)[string];
    const native = await plain(host, parser, name, 'none');
    for (const [reader, read] of Object.entries(readers)) {
      const alone = await plain(host, 'nothing', name, reader);
      const { middleware, others } = arrange(read);
      const layer = new Layer({ middleware });
      const seen = await post(host.app({ parser, before: false, layer, read }), contents[name] as Content);
      expect([reader, seen]).toEqual([reader, { ...native, ours: alone.ours }]);
      expect(others).toEqual(others.map(() => alone.ours));
    }
  });
});

describe.each(hosts)('what a reader gets alone on %s', (_name, host) => {
  const refusedJSON = 'refused: HTTPException 415';
  const notForm = 'refused: TypeError 415';
  const base64 = (body: Content['body']): string => Buffer.from(body as string).toString('base64');

  it.each<[string, Record<string, unknown>]>([
    ['json', { json: { a: 'é', b: [1, 2.5] }, text: '{"a": "é", "b":[1, 2.50]}', form: notForm }],
    ['json in gzip', { json: { a: 'é' }, text: '{"a": "é"}', form: notForm }],
    [
      'urlencoded',
      {
        json: refusedJSON,
        text: 'a=1&b=%C3%A9&b=+2',
        form: [
          ['a', '1'],
          ['b', 'é'],
          ['b', ' 2'],
        ],
      },
    ],
    ['text', { json: refusedJSON, text: 'text é', form: notForm }],
    ['bytes', { json: refusedJSON, form: notForm }],
    [
      'multipart',
      {
        json: refusedJSON,
        text: multipart,
        form: [
          ['a', '1'],
          ['f', 'é.txt', 'text/plain', 'file é'],
        ],
      },
    ],
  ])('%s', async (name, expected) => {
    const { body } = contents[name] as Content;
    const everywhere = { ...expected, bytes: base64(body), body: base64(body) };
    for (const [reader, ours] of Object.entries(everywhere)) {
      const seen = await plain(host, 'nothing', name, reader);
      expect([reader, seen.ours]).toEqual([reader, ours]);
    }
  });
});

/** The result if the parser runs before the layer: the same content, or an error that names the parser. */
const afterParser: [host: string, parser: string, content: string, Record<string, unknown>][] = [
  [
    'Express',
    'express.json',
    'json',
    { json: 'same', text: 'gone', bytes: 'gone', body: 'gone', form: 'same', 'a Fetch request': 'same' },
  ],
  [
    'Express',
    'express.json',
    'json in gzip',
    { json: 'same', text: 'gone', bytes: 'gone', 'a Fetch request': { a: 'é' } },
  ],
  [
    'Express',
    'express.urlencoded',
    'urlencoded',
    { json: 'same', text: 'gone', bytes: 'gone', form: 'same', 'a Fetch request': 'same' },
  ],
  [
    'Express',
    'express.text',
    'text',
    { json: 'same', text: 'same', bytes: 'same', body: 'same', form: 'same', 'a Fetch request': 'same' },
  ],
  [
    'Express',
    'express.raw',
    'bytes',
    { json: 'same', bytes: 'same', body: 'same', form: 'same', 'a Fetch request': 'same' },
  ],
  [
    'Express',
    'multer',
    'multipart',
    { json: 'same', text: 'gone', bytes: 'gone', form: 'same', 'a Fetch request': 'same' },
  ],
  [
    'Express',
    'data events',
    'json',
    { json: 'read', text: 'read', bytes: 'read', 'a Fetch request': 'read' },
  ],
  [
    'Koa',
    '@koa/bodyparser',
    'json',
    { json: 'same', text: 'same', bytes: 'same', body: 'same', form: 'same', 'a Fetch request': 'same' },
  ],
  [
    'Koa',
    '@koa/bodyparser',
    'urlencoded',
    { json: 'same', text: 'same', bytes: 'same', form: 'same', 'a Fetch request': 'same' },
  ],
  [
    'Koa',
    '@koa/bodyparser',
    'text',
    { json: 'same', text: 'same', bytes: 'same', form: 'same', 'a Fetch request': 'same' },
  ],
  [
    'Koa',
    'koa-body',
    'json',
    { json: 'same', text: 'gone', bytes: 'gone', form: 'same', 'a Fetch request': 'same' },
  ],
  [
    'Koa',
    '@koa/multer',
    'multipart',
    { json: 'same', text: 'gone', bytes: 'gone', form: 'same', 'a Fetch request': 'same' },
  ],
  ['Koa', 'data events', 'json', { json: 'read', text: 'read', bytes: 'read', 'a Fetch request': 'read' }],
];

describe.each(hosts)('a parser before the layer on %s', (name, host) => {
  const rows = afterParser.filter(([of]) => name.startsWith(of)).map(([, ...row]) => row);

  it.each(rows)(
    'keeps what is faithful of %s with %s and refuses the rest',
    async (parser, name, expected) => {
      const content = contents[name] as Content;
      const words: Record<string, unknown> = { gone: 'refused: BODY_PARSED', read: 'refused: BODY_CONSUMED' };
      for (const [reader, word] of Object.entries(expected)) {
        const read = readers[reader] as Reader;
        const alone = await plain(host, 'nothing', name, reader);
        const seen = await post(host.app({ parser, before: true, layer: new Layer(), read }), content);
        const wanted = word === 'same' ? alone.ours : typeof word === 'string' ? words[word] : word;
        expect([reader, seen.ours]).toEqual([reader, wanted]);
      }
    },
  );
});
