import { once } from 'node:events';
import {
  chmodSync,
  createReadStream,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import v8 from 'node:v8';
import vm from 'node:vm';
import {
  BackgroundTask,
  Depends,
  EventSourceResponse,
  endpoint,
  FileResponse,
  Headers,
  JSONResponse,
  Layer,
  type Middleware,
  PlainTextResponse,
  Request,
  Response,
  ServerSentEvent,
  StreamingResponse,
} from 'callnext';
import { mountFetch as mountOnExpress, toExpress } from 'callnext/express';
import { mountFetch as mountOnKoa } from 'callnext/koa';
import express from 'express';
import Koa from 'koa';
import { absoluteUrl } from '../../adapters/node/target.js';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

const folder = mkdtempSync(path.join(tmpdir(), 'callnext-test-'));
const text = path.join(folder, 'small.txt');
const large = path.join(folder, 'large.bin');
writeFileSync(text, '0123456789');
writeFileSync(large, Buffer.alloc(20_000_000, 'x'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The open files of this test. */
function openFiles(): string[] {
  const targets = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // the descriptor of this very scan
    }
  });
  return targets.filter(target => target.startsWith(folder));
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve));
}

const hasProc = process.platform === 'linux';

describe.each(frameworks)('what a middleware does with a response on $name', ({ app }) => {
  const failing = async function* (error: () => Error): AsyncGenerator<string> {
    yield 'a';
    throw error();
  };

  it('a stream that fails with its own AbortError counts as failed', async () => {
    const log = new EventLog();
    async function* getDb(): AsyncGenerator<string> {
      try {
        yield 'db';
        log.add('exit');
      } catch (error) {
        log.add(`exit: ${(error as Error).name}`);
        throw error;
      }
    }
    const layer = new Layer({
      onError: error => log.add(`reported: ${'code' in error ? error.code : error.name}`),
    });
    const target = endpoint({ db: Depends(getDb) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('task'));
      return new StreamingResponse(failing(() => AbortSignal.abort().reason));
    });
    await listening(app().use(layer).at('/', target).listener(), async (_url, port) => {
      expect((await exchangeOnWire(port, '/')).cut).toBe(true);
      await layer.close();
    });
    expect(log.events).toContain('exit: AbortError');
    expect(log.events).not.toContain('task');
    expect(log.events).toContain('reported: TASK_DROPPED');
  });

  (hasProc ? it : it.skip)('a file that was peeked at is closed in the end', async () => {
    const peeking: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      const reader = response.body?.getReader();
      await reader?.read();
      reader?.releaseLock();
      return request.queryParams.has('replace') ? new PlainTextResponse('other') : response;
    };
    const layer = new Layer({ middleware: [peeking] });
    await listening(
      app()
        .use(layer)
        .at(
          '/',
          endpoint({}, () => new FileResponse(large)),
        )
        .listener(),
      async (url, port) => {
        expect(await (await fetch(`${url}/?replace`)).text()).toBe('other');
        const request = http.get({ port }, response => response.once('data', () => request.destroy()));
        request.on('error', () => undefined);
        await once(request, 'close');
        await layer.close();
        await until(() => openFiles().length === 0);
      },
    );
  });

  (hasProc ? it : it.skip)(
    'a native file that was replaced is closed, although nobody reads its clone',
    async () => {
      const cloning: Middleware = async (request, callNext) => {
        (await callNext(request)).clone();
        return new PlainTextResponse('other');
      };
      const layer = new Layer({ middleware: [cloning] });
      const native = app()
        .use(layer)
        .handler('/', answer => answer.send(createReadStream(large)));
      await listening(native.listener(), async url => {
        expect(await (await fetch(url)).text()).toBe('other');
        await layer.close();
        await until(() => openFiles().length === 0);
      });
    },
  );

  it('a stream that was only looked at is not buffered', async () => {
    v8.setFlagsFromString('--expose-gc');
    const collect = vm.runInNewContext('gc') as () => void;
    collect();
    const before = process.memoryUsage().arrayBuffers;
    const end = gate();
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 400; count += 1) yield Buffer.alloc(100_000);
      await end.opened;
    }
    const looking: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return response.body === null ? new PlainTextResponse('none') : response;
    };
    const target = endpoint({}, () => new StreamingResponse(chunks()));
    await listening(app().use(looking).at('/', target).listener(), async (_url, port) => {
      let size = 0;
      const request = http.get({ port }, response => {
        response.on('data', chunk => {
          size += chunk.length;
        });
      });
      await until(() => size === 40_000_000);
      // The response is 40 MB, and is freed once the collector has run.
      await until(() => {
        collect();
        return process.memoryUsage().arrayBuffers < before + 20_000_000;
      });
      end.open();
      await once(request, 'close');
    });
  });

  it('a stream that is read later rejects with advice to clone it', async () => {
    const sent = gate();
    const seen = gate<unknown>();
    const late: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      const [clone, stream] = [response.clone(), response.body];
      sent.opened.then(async () => {
        const fromStream = new globalThis.Response(stream).text().catch(error => error.code);
        seen.open(await Promise.all([clone.text(), fromStream]));
      });
      return response;
    };
    const sending = endpoint({}, () => new StreamingResponse(['a', 'b']));
    await listening(app().use(late).at('/', sending).listener(), async url => {
      expect(await (await fetch(url)).text()).toBe('ab');
    });
    // Runs after the 0 ms timer that ended the wait for readers, because timers of equal length run in order.
    setTimeout(sent.open, 0);
    expect(await seen.opened).toEqual(['ab', 'BODY_CONSUMED']);
  });

  it('a failure below a middleware that answered with a file is reported', async () => {
    const log = new EventLog();
    const open = gate();
    const hasty: Middleware = async (request, callNext) => {
      void callNext(request);
      await new Promise(resolve => setImmediate(resolve));
      process.nextTick(open.open);
      return new FileResponse(text);
    };
    const failingLate = endpoint({}, async () => {
      await open.opened;
      throw new Error('lost?');
    });
    const layer = new Layer({ middleware: [hasty], onError: error => log.add(error.message) });
    await listening(app().use(layer).at('/', failingLate).listener(), async url => {
      expect(await (await fetch(url)).text()).toBe('0123456789');
      await layer.close();
    });
    expect(log.events).toEqual(['lost?']);
  });

  it('the tasks of a missing file are reported, or run if they always run', async () => {
    const log = new EventLog();
    const layer = new Layer({ onError: error => 'code' in error && log.add(String(error.code)) });
    const always = new BackgroundTask(() => log.add('always'), [], { when: 'always' });
    const target = endpoint({}, ({ request }) => {
      const background = request.queryParams.has('always')
        ? always
        : new BackgroundTask(() => log.add('never'));
      return new FileResponse(path.join(folder, 'none'), { background });
    });
    await listening(app().use(layer).at('/', target).listener(), async url => {
      expect((await fetch(`${url}/?always`)).status).toBe(500);
      expect((await fetch(url)).status).toBe(500);
      await layer.close();
    });
    expect(log.events.filter(event => event !== 'FILE')).toEqual(['always', 'TASK_DROPPED']);
  });

  it('a file uses the request that its middleware was given', async () => {
    const without: Middleware = (request, callNext) => {
      const headers = [...request.headers].filter(([name]) => name !== 'range');
      return callNext(new Request(request, { headers }));
    };
    const file: Middleware = async () => new FileResponse(text);
    const fallback: Middleware = async (request, callNext) => {
      await callNext(request);
      return new FileResponse(text);
    };
    const ask = (middleware: Middleware[]): Promise<number> =>
      listening(
        app()
          .use(new Layer({ middleware }))
          .at(
            '/',
            endpoint({}, () => 1),
          )
          .listener(),
        async url => (await fetch(url, { headers: { range: 'bytes=0-1' } })).status,
      );
    expect([await ask([without, file]), await ask([fallback, without])]).toEqual([200, 206]);
  });

  it('a change to a file that was sent throws', async () => {
    const log = new EventLog();
    const target = endpoint({}, ({ backgroundTasks }) => {
      const file = new FileResponse(text);
      backgroundTasks.addTask(() => {
        try {
          file.headers.set('x', 'y');
        } catch (error) {
          log.add((error as { code: string }).code);
        }
      });
      return file;
    });
    const layer = new Layer();
    await listening(app().use(layer).at('/', target).listener(), async url => {
      await (await fetch(url)).text();
      await layer.close();
    });
    expect(log.events).toEqual(['HEADERS_SENT']);
  });

  it.each<[string, () => ConstructorParameters<typeof EventSourceResponse>[0]]>([
    ['a Node stream', () => new PassThrough({ objectMode: true })],
    ['a Web stream', () => new ReadableStream({ start: () => undefined })],
  ])('events of a silent %s end when the client leaves', async (_what, source) => {
    const log = new EventLog();
    const layer = new Layer({ onError: error => log.add(error.message) });
    const target = endpoint({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('task'));
      return new EventSourceResponse(source());
    });
    await listening(app().use(layer).at('/', target).listener(), async (_url, port) => {
      const request = http.get({ port }, () => request.destroy());
      request.on('error', () => undefined);
      await log.until('task');
    });
    expect(log.events).toEqual(['task']);
  });

  it('an event stream still sends its head at once when an outer layer looked at it', async () => {
    const open = gate();
    async function* events(): AsyncGenerator<number> {
      await open.opened;
      yield 1;
    }
    const looking: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      void response.body;
      return response;
    };
    const listener = app()
      .use(looking)
      .use(new Layer())
      .at(
        '/',
        endpoint({}, () => new EventSourceResponse(events())),
      )
      .listener();
    await listening(listener, async url => {
      const response = await fetch(url);
      open.open();
      expect(await response.text()).toBe('data: 1\n\n');
    });
  });
});

describe('a Response object shared by two requests', () => {
  it('takes nothing from the request that it refuses', async () => {
    const shared = new PlainTextResponse('shared');
    const [first, second] = [gate(), gate()];
    const target = endpoint({}, ({ request, response }) => {
      response.setCookie('user', request.queryParams.get('u') ?? '');
      return shared;
    });
    const waiting: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      if (request.queryParams.get('u') !== 'a') return response;
      first.open();
      await second.opened;
      return response;
    };
    const app = express().set('env', 'test').use(toExpress(waiting), toExpress(target));
    await listening(app, async url => {
      const answered = fetch(`${url}/?u=a`);
      await first.opened;
      const refused = await fetch(`${url}/?u=b`);
      second.open();
      expect([refused.status, (await answered).headers.getSetCookie()]).toEqual([
        500,
        ['user=a; Path=/; SameSite=Lax'],
      ]);
    });
  });
});

describe('given headers', () => {
  const named = { 'content-type': 'application/problem+json', etag: '"v1"' };

  it.each<[string, () => ConstructorParameters<typeof JSONResponse>[1]]>([
    ['as an object', () => ({ headers: named })],
    ['as Headers', () => ({ headers: new Headers(named) })],
    ['as Headers of the platform', () => ({ headers: new globalThis.Headers(named) })],
  ])('win: %s', (_what, init) => {
    const { headers } = new JSONResponse({}, init());
    expect([headers.get('content-type'), headers.get('etag')]).toEqual(['application/problem+json', '"v1"']);
  });

  it('drop what describes another body when they come from a message', async () => {
    const fetched = new globalThis.Headers({ ...named, 'content-encoding': 'gzip', 'content-length': '7' });
    const { headers } = new JSONResponse({}, { headers: fetched });
    expect([headers.get('content-type'), headers.get('etag'), headers.has('content-encoding')]).toEqual([
      'application/json',
      null,
      false,
    ]);
    const before = new PlainTextResponse('x', { headers: { etag: '"old"' } });
    expect(new Response('y', { headers: before.headers }).headers.has('etag')).toBe(false);
  });
});

describe('file names', () => {
  it.each([
    ['x.constructor', 'application/octet-stream'],
    ['x.__proto__', 'application/octet-stream'],
    ['html', 'application/octet-stream'],
    ['a.HTML', 'text/html; charset=utf-8'],
    ['a\ud800.txt', 'text/plain; charset=utf-8'],
  ])('%j have a type', (filename, type) => {
    expect(new FileResponse(text, { filename }).headers.get('content-type')).toBe(type);
  });

  const isRoot = process.getuid?.() === 0;
  (isRoot ? it.skip : it)('that may not be read are refused before the head', async () => {
    const secret = path.join(folder, 'secret.txt');
    writeFileSync(secret, 'x');
    chmodSync(secret, 0);
    const app = express()
      .set('env', 'test')
      .use(toExpress(endpoint({}, () => new FileResponse(secret))));
    await listening(app, async url => expect((await fetch(url)).status).toBe(500));
  });
});

it('accepts a number as an id and rejects what is not text', () => {
  expect(new ServerSentEvent({ id: 7 }).text).toBe('id: 7\n\n');
  expect(() => new ServerSentEvent({ event: 5 as never })).toThrow(
    expect.objectContaining({ code: 'SERVER_SENT_EVENT' }),
  );
});

describe('a host', () => {
  it.each([
    ['h/admin?', 'http://localhost/real'],
    ['h?', 'http://localhost/real'],
    ['h#', 'http://localhost/real'],
    ['h\\admin', 'http://localhost/real'],
    ['a:b@c', 'http://localhost/real'],
    ['h:80x', 'http://localhost/real'],
    ['my_host.internal:8080', 'http://my_host.internal:8080/real'],
    ['[::1]:80', 'http://[::1]:80/real'],
  ])('%j makes %s', (host, url) => {
    expect(absoluteUrl('http', host, '/real')).toBe(url);
  });

  it.each(['http://evil.example/admin?x=', 'javascript', ''])('with the scheme %j counts as http', scheme => {
    expect(absoluteUrl(scheme, 'h', '/real')).toBe('http://h/real');
  });
});

describe('mountFetch', () => {
  it.each(['/api/x/../admin', '/api/x/%2e%2E/admin', '/api/./x', '/api/x\\..\\admin'])(
    'refuses %s, which a Fetch URL resolves differently from the guard before it',
    async target => {
      const app = express().use(
        '/api',
        mountOnExpress(request => new globalThis.Response(request.url)),
      );
      const wire = await listening(app as http.RequestListener, (_url, port) => exchangeOnWire(port, target));
      expect(wire.head).toMatch(/^HTTP\/1.1 400 /);
    },
  );

  it.each(['/api/a/..b', '/api/.well-known/x', '/api/.../x', '/api/x?q=/../', '/api//x'])(
    'takes %s',
    async target => {
      const app = express().use(
        '/api',
        mountOnExpress(request => new globalThis.Response(request.url)),
      );
      const wire = await listening(app as http.RequestListener, (_url, port) => exchangeOnWire(port, target));
      expect(wire.head).toMatch(/^HTTP\/1.1 200 /);
    },
  );

  it.each<[string, http.RequestListener]>([
    ['Express', express().use(mountOnExpress(() => new globalThis.Response(null))) as http.RequestListener],
    ['Koa', new Koa().use(mountOnKoa(() => new globalThis.Response(null))).callback()],
  ])('declares no length that HEAD does not have, on %s', async (_name, listener) => {
    const wire = await listening(listener, (_url, port) => exchangeOnWire(port, '/', 'HEAD'));
    expect(wire.head).toMatch(/^HTTP\/1.1 200 /);
    expect(wire.head).not.toMatch(/content-length/i);
  });

  it('passes on the length of a fetched response', async () => {
    const origin: http.RequestListener = (_req, res) => res.setHeader('content-length', 5).end('hello');
    await listening(origin, async url => {
      const app = express().use(mountOnExpress(() => fetch(url)));
      const wire = await listening(app as http.RequestListener, (_proxy, port) => exchangeOnWire(port, '/'));
      expect([/content-length: 5/i.test(wire.head), wire.body]).toEqual([true, 'hello']);
    });
  });
});
