import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { Depends, dependency, endpoint, Layer } from 'callnext';
import { inject, toExpress } from 'callnext/express';
import express5, { type RequestHandler } from 'express';
import multer from 'multer';
import { EventLog, gate } from '../support/events.js';
import { listening, mounts } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;

const store = new AsyncLocalStorage<string>();

/** A layer whose middleware stores the request's path around everything below. */
function storing(): Layer {
  return new Layer({
    middleware: [(request, callNext) => store.run(new URL(request.url).pathname, () => callNext(request))],
  });
}

describe.each(mounts)('the async context on $name', ({ app }) => {
  let log: EventLog;
  const note = (place: string): void => log.add(`${place}: ${store.getStore()}`);
  beforeEach(() => {
    log = new EventLog();
  });

  const noting = (name: string) =>
    async function* () {
      note(`${name} enter`);
      await new Promise(setImmediate);
      yield name;
      note(`${name} exit`);
    };

  it('reaches dependencies, endpoints, streams, exits and tasks from the middleware', async () => {
    const layer = storing();
    const session = dependency({ db: Depends(noting('db'), { scope: 'background' }) }, noting('session'));
    const read = endpoint({ session: Depends(session) }, async ({ backgroundTasks, response }) => {
      note('endpoint');
      response.headers.set('x-endpoint', 'yes');
      backgroundTasks.addTask(async () => {
        await new Promise(setImmediate);
        note('task');
      });
      return { ok: true };
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      await Promise.all([fetch(`${url}/a`), fetch(`${url}/b`)]);
      await log.until('db exit: /a');
      await log.until('db exit: /b');
    });
    for (const path of ['/a', '/b']) {
      expect(log.events.filter(event => event.endsWith(path))).toEqual([
        `db enter: ${path}`,
        `session enter: ${path}`,
        `endpoint: ${path}`,
        `session exit: ${path}`,
        `task: ${path}`,
        `db exit: ${path}`,
      ]);
    }
  });

  it('reaches native code and what it injects from the middleware', async () => {
    const native = app()
      .use(storing())
      .handler('/', async answer => {
        note('native');
        await answer.inject(Depends(noting('db')));
        note('native later');
        answer.send('text');
      });
    await listening(native.listener(), async url => {
      await fetch(`${url}/path`);
      await log.until('db exit: /path');
    });
    expect(log.events).toEqual(['native: /path', 'db enter: /path', 'native later: /path', 'db exit: /path']);
  });

  it('below an inner middleware is the one that it set', async () => {
    const inner = new Layer({
      middleware: [(request, callNext) => store.run('inner', () => callNext(request))],
      dependencies: [Depends(noting('layer'))],
    });
    const read = endpoint({ db: Depends(noting('db')) }, () => note('endpoint'));
    await listening(app().use(storing()).at('/', inner, read).listener(), async url => {
      await fetch(url);
      await log.until('layer exit: inner');
    });
    expect(log.events).toEqual([
      'layer enter: inner',
      'db enter: inner',
      'endpoint: inner',
      'db exit: inner',
      'layer exit: inner',
    ]);
  });
});

type Body = [bytes: Buffer, type: string];

/** A form as bytes, with its content type. */
async function form(): Promise<Body> {
  const data = new FormData();
  data.append('title', 'a title');
  data.append('file', new Blob(['x'.repeat(100_000)]), 'file.txt');
  const response = new Response(data);
  return [Buffer.from(await response.arrayBuffer()), response.headers.get('content-type') ?? ''];
}

/**
 * Sends the body after the server has started on the head, so that it arrives in the connection's async
 * context.
 */
async function postSlowly(url: string, body: Buffer, type: string, begun: Promise<void>): Promise<string> {
  const headers = { 'content-type': type, 'content-length': body.length };
  const request = http.request(url, { method: 'POST', headers });
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>;
  request.flushHeaders();
  await begun;
  request.end(body);
  const [response] = await answered;
  return `${response.statusCode} ${await text(response)}`;
}

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('the async context on %s behind a parser', (_name, express) => {
  const json = (): Body => [Buffer.from('{"a":1}'), 'application/json'];
  const urlencoded = (): Body => [Buffer.from('a=1'), 'application/x-www-form-urlencoded'];
  const raw = (): Body => [Buffer.alloc(300_000), 'application/octet-stream'];

  /** Continues from an event of the request, like hand-written body parsers and multer up to 2.0. */
  const fromEvent: RequestHandler = (req, _res, next) => {
    req.resume().on('end', () => next());
  };

  const parsers: [string, RequestHandler, () => Body | Promise<Body>][] = [
    ['one written by hand', fromEvent, raw],
    ['multer', multer().any(), form],
    ['multer on disk', multer({ dest: tmpdir() }).any(), form],
    ['express.json', express.json(), json],
    ['express.urlencoded', express.urlencoded({ extended: false }), urlencoded],
    ['express.raw', express.raw({ limit: '1mb' }), raw],
  ];
  it.each(parsers)(
    '%s: native code, endpoints, exits and tasks have the store',
    async (_title, parser, bodyOf) => {
      const log = new EventLog();
      const begun = gate<void>();
      const note = (place: string): void => log.add(`${place}: ${store.getStore()}`);
      async function* db() {
        note('enter');
        yield 1;
        note('exit');
      }
      const app = express();
      app.use(toExpress(storing()));
      app.use(parser);
      app.use(async (req, _res, next) => {
        note('native');
        await inject(req, Depends(db)).then(() => next(), next);
      });
      const write = endpoint({ db: Depends(db) }, ({ backgroundTasks }) => {
        note('endpoint');
        backgroundTasks.addTask(() => note('task'));
      });
      app.post('/path', toExpress(write));
      await listening(opening(app, begun.open), async url => {
        expect(await postSlowly(`${url}/path`, ...(await bodyOf()), begun.opened)).toBe('200 null');
        await log.until('task: /path');
      });
      expect(log.events).toEqual(
        ['native', 'enter', 'endpoint', 'exit', 'task'].map(each => `${each}: /path`),
      );
    },
  );

  it('of native code below the layer keeps its own stores', async () => {
    const seen: string[] = [];
    const write = async (around: RequestHandler): Promise<string[]> => {
      seen.length = 0;
      const app = express();
      app.use(around);
      app.use((_req, _res, next) => store.run('own', next));
      app.post('/', (req, res) => {
        const note = (event: string) => (): void => {
          seen.push(`${event}: ${store.getStore()}`);
        };
        req.on('data', note('data')).on('end', note('end'));
        setImmediate(() => res.end('text', note('end callback')));
        res.on('finish', note('finish'));
        res.write('some', note('write callback'));
      });
      await listening(app, async url => {
        await (await fetch(url, { method: 'POST', body: 'text' })).text();
      });
      return [...seen];
    };
    const native = await write((_req, _res, next) => next());
    expect(native).toEqual(expect.arrayContaining(['data: own', 'finish: own', 'end callback: own']));
    const kept = native.filter(event => event.endsWith('own'));
    expect(await write(toExpress(new Layer()) as never)).toEqual(expect.arrayContaining(kept));
    expect(await write(toExpress(storing()) as never)).toEqual(expect.arrayContaining(kept));
  });

  it('would be lost natively behind the handwritten version', async () => {
    const begun = gate<void>();
    const app = express();
    app.use((req, _res, next) => store.run(req.path, next));
    app.use(fromEvent);
    app.post('/path', (_req, res) => {
      res.send(store.getStore() ?? 'lost');
    });
    await listening(opening(app, begun.open), async url => {
      expect(await postSlowly(`${url}/path`, ...raw(), begun.opened)).toBe('200 lost');
    });
  });
});

/** Opens a gate once the app is called. */
function opening(app: http.RequestListener, open: () => void): http.RequestListener {
  return (req, res) => {
    app(req, res);
    open();
  };
}
