// Tests when a FileResponse opens its file, and that it always closes it.
import { mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  Depends,
  endpoint,
  FileResponse,
  Layer,
  type LayerOptions,
  type Middleware,
  Response,
} from 'callnext';
import { toKoa } from 'callnext/koa';
import { timeout } from 'callnext/middleware/timeout';
import Koa3 from 'koa';
import { ask } from '../support/ask.js';
import { EventLog } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

const folder = mkdtempSync(path.join(tmpdir(), 'callnext-test-'));
const small = path.join(folder, 'small.txt');
const large = path.join(folder, 'large.bin');
const empty = path.join(folder, 'empty.txt');
writeFileSync(small, '0123456789');
writeFileSync(large, Buffer.alloc(8_000_000, 'abcdefghij'));
writeFileSync(empty, '');
afterAll(() => rmSync(folder, { recursive: true }));

/** How many files are open, and how many were opened. */
let counted = { opened: 0, open: 0 };
const { open, stat } = fs;
beforeEach(() => {
  const own = { opened: 0, open: 0 };
  counted = own;
  jest.spyOn(fs, 'open').mockImplementation(async (...args) => {
    const handle = await open(...args);
    own.opened += 1;
    own.open += 1;
    const { close } = handle;
    let isClosed = false;
    handle.close = async () => {
      await close.call(handle);
      if (!isClosed) own.open -= 1;
      isClosed = true;
    };
    return handle;
  });
});
afterEach(() => jest.restoreAllMocks());

/** Waits until the one opened file is closed; nothing else waits for that. */
async function allClosed(): Promise<void> {
  expect(counted.opened).toBe(1);
  while (counted.open !== 0) await new Promise(resolve => setImmediate(resolve));
}

const etag = `"${statSync(small).mtime.getTime().toString(16)}-a"`;

describe.each(frameworks)('on $name, a FileResponse', ({ app }) => {
  const silent = (options: LayerOptions): Layer => new Layer({ onError: () => undefined, ...options });
  const sending = (file = small) => endpoint({}, () => new FileResponse(file));

  it.each([
    ['no descriptor is left', 'EMFILE'],
    ['it may not be read', 'EACCES'],
  ])('is a 500 that keeps the connection alive when %s', async (_title, code) => {
    jest.spyOn(fs, 'open').mockRejectedValue(Object.assign(new Error('open'), { code }));
    const errors: unknown[] = [];
    const seeing: Middleware = async (request, callNext) => {
      try {
        return await callNext(request);
      } catch (error) {
        errors.push(error);
        return new Response('no file', { status: 500 });
      }
    };
    const mounted = app()
      .use(silent({ middleware: [seeing] }))
      .at('/', sending());
    const got = await listening(mounted.listener(), (_url, port) => ask(port));
    expect([got.status, got.text]).toEqual([500, 'no file']);
    expect(errors).toMatchObject([{ code: 'FILE', cause: { code } }]);
  });

  it('is a 500 when the file is removed between its stat and its opening', async () => {
    const brief = path.join(folder, 'brief.txt');
    writeFileSync(brief, 'brief');
    jest.spyOn(fs, 'stat').mockImplementation(async (...args) => {
      const found = await stat(...args);
      unlinkSync(brief);
      return found;
    });
    const mounted = app().use(silent({})).at('/', sending(brief));
    const { status } = await listening(mounted.listener(), (_url, port) => ask(port));
    expect([status, counted]).toEqual([500, { opened: 0, open: 0 }]);
  });

  it('sends the file it opened even if its path changes', async () => {
    const moved = path.join(folder, 'moved.txt');
    writeFileSync(moved, 'before');
    const moving: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      unlinkSync(moved);
      writeFileSync(moved, 'another');
      return response;
    };
    const mounted = app()
      .use(silent({ middleware: [moving] }))
      .at('/', sending(moved));
    expect((await listening(mounted.listener(), (_url, port) => ask(port))).text).toBe('before');
  });

  it.each<[string, Record<string, string>, number, string?, string?]>([
    ['to GET', {}, 200],
    ['to HEAD', {}, 200, small, 'HEAD'],
    ['that is not modified', { 'if-none-match': etag }, 304],
    ['whose precondition fails', { 'if-match': '"other"' }, 412],
    ['after its end', { range: 'bytes=20-' }, 416],
    ['in part', { range: 'bytes=2-3' }, 206],
    ['in parts', { range: 'bytes=2-3, 7-8' }, 206],
    ['that is empty', {}, 200, empty],
  ])('closes its file: %s', async (_title, headers, status, file = small, method = 'GET') => {
    const layer = silent({});
    const mounted = app().use(layer).at('/', sending(file));
    const got = await listening(mounted.listener(), (_url, port) => ask(port, { method, headers }));
    await layer.close();
    expect(got.status).toBe(status);
    await allClosed();
  });

  it.each<[string, (response: Response) => unknown]>([
    ['answers otherwise', () => new Response('other')],
    [
      'throws',
      () => {
        throw new Error('refused');
      },
    ],
    ['sets a status without a body', response => Object.assign(response, { status: 204 })],
    ['looks at the body and answers otherwise', ({ body }) => new Response(String(body))],
    ['reads the body and answers otherwise', async response => new Response(await response.text())],
    ['passes the body on', response => new Response(response.body, response)],
    [
      'cancels the body',
      async response => {
        await response.body?.cancel();
        return new Response('other');
      },
    ],
    [
      'takes a clone and leaves it',
      response => {
        response.clone();
        return response;
      },
    ],
  ])('closes its file below a middleware that %s', async (_title, after) => {
    const middleware: Middleware = async (request, callNext) =>
      (await after(await callNext(request))) as Response;
    const layer = silent({ middleware: [middleware] });
    const mounted = app().use(layer).at('/', sending(large));
    await listening(mounted.listener(), async (_url, port) => {
      await ask(port);
      await layer.close();
    });
    await allClosed();
  });

  it('closes its file when an exit throws', async () => {
    async function* committing(): AsyncGenerator<number> {
      yield 1;
      throw new Error('commit');
    }
    const layer = silent({ dependencies: [Depends(committing, { scope: 'function' })] });
    const mounted = app().use(layer).at('/', sending());
    const { status } = await listening(mounted.listener(), (_url, port) => ask(port));
    await layer.close();
    expect(status).toBe(500);
    await allClosed();
  });

  it.each<[string, (log: EventLog) => LayerOptions]>([
    ['the time of its layer', () => ({ timeout: 20 })],
    ['`timeout()`', () => ({ middleware: [timeout({ timeoutMs: 20 })] })],
  ])('closes its file when it comes after %s is up', async (_title, options) => {
    const log = new EventLog();
    const layer = silent(options(log));
    const late = endpoint({}, async () => {
      await log.until('answered');
      return new FileResponse(small);
    });
    const mounted = app().use(layer).at('/', late);
    await listening(mounted.listener(), async (_url, port) => {
      const { status } = await ask(port);
      log.add('answered');
      await layer.close();
      expect(status).toBe(504);
    });
    await allClosed();
  });

  it('closes its file when the client leaves while it is sent', async () => {
    const layer = silent({});
    const mounted = app().use(layer).at('/', sending(large));
    await listening(mounted.listener(), async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
      await new Promise(resolve => socket.once('data', resolve));
      socket.destroy();
      await layer.close();
    });
    await allClosed();
  });

  it('closes its file when the client leaves before its head', async () => {
    const log = new EventLog();
    const layer = silent({});
    const slow = endpoint({}, async ({ request }) => {
      log.add('asked');
      await new Promise(resolve => request.signal.addEventListener('abort', resolve));
      return new FileResponse(small);
    });
    const mounted = app().use(layer).at('/', slow);
    await listening(mounted.listener(), async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
      await log.until('asked');
      socket.destroy();
      await layer.close();
    });
    await allClosed();
  });
});

const Koa2 = require('koa2') as typeof Koa3;

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('on %s, a FileResponse', (_name, Koa) => {
  it.each<[string, (ctx: Koa3.Context) => unknown]>([
    [
      'answers otherwise',
      ctx => {
        ctx.body = 'other';
      },
    ],
    ['throws', ctx => ctx.throw(409)],
  ])('closes its file below a Koa middleware that %s', async (_title, after) => {
    const layer = new Layer({ onError: () => undefined });
    const app = new Koa();
    app.silent = true;
    app.use(toKoa(layer));
    app.use(async (ctx, next) => {
      await next();
      after(ctx);
    });
    app.use(toKoa(endpoint({}, () => new FileResponse(large))));
    await listening(app.callback(), (_url, port) => ask(port));
    await layer.close();
    await allClosed();
  });
});
