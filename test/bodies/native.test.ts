import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { endpoint, Layer, type Middleware, Request } from 'callnext';
import { toExpress, wrap } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import express from 'express';
import fc from 'fast-check';
import Koa from 'koa';
import { KeptBytes } from '../../core/http/kept-bytes.js';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

const mebibyte = 1024 * 1024;
const reading: Middleware = async (request, callNext) => {
  await request.text();
  return callNext(request);
};
const streaming: Middleware = async (request, callNext) => {
  for await (const _chunk of request.body as unknown as AsyncIterable<Uint8Array>);
  return callNext(request);
};

/** The answer, or `cut` if the connection ends without one. */
async function ask(
  listener: http.RequestListener,
  options: http.RequestOptions = {},
  body?: string | Buffer,
): Promise<[number, string]> {
  return listening(listener, async (_url, port) => {
    const request = http.request({ port, ...options });
    request.on('error', () => undefined);
    request.end(body);
    const [response] = (await Promise.race([once(request, 'response'), once(request, 'close')])) as [
      http.IncomingMessage?,
    ];
    if (!response) return [0, 'cut'];
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    return [response.statusCode ?? 0, text];
  });
}

const counting: http.RequestListener = (req, res) => {
  let text = '';
  req.on('data', chunk => {
    text += chunk;
  });
  req.on('end', () => res.end(`got ${text}`));
};

describe.each(frameworks)('behind a middleware that reads, native code on $name', ({ app }) => {
  const behind = (): http.RequestListener => app().use(reading).native('/', counting).listener();

  it.each<[string, http.RequestOptions, string | undefined, string]>([
    ['a GET', {}, undefined, 'got '],
    ['a POST without a body', { method: 'POST', headers: { 'content-length': 0 } }, undefined, 'got '],
    [
      'an empty body in chunks',
      { method: 'POST', headers: { 'transfer-encoding': 'chunked' } },
      undefined,
      'got ',
    ],
    ['a GET with a body', { headers: { 'content-length': 3 } }, 'abc', 'got abc'],
    ['a DELETE with a body', { method: 'DELETE', headers: { 'content-length': 3 } }, 'abc', 'got abc'],
  ])('sees the end of %s', async (_what, options, body, text) => {
    expect(await ask(behind(), options, body)).toEqual([200, text]);
  });
});

describe('native code behind a middleware that reads', () => {
  it('sees the end of a GET in a wrapped app', async () => {
    const app = express().use(counting as never);
    expect(await ask(wrap(app as never, reading) as http.RequestListener)).toEqual([200, 'got ']);
  });

  it('gets text after setEncoding(), while other readers get bytes', async () => {
    const seen: unknown[] = [];
    const app = express();
    app.use((req, _res, next) => {
      req.setEncoding('hex');
      next();
    });
    app.use(
      toExpress(async (request, callNext) => {
        seen.push(Buffer.from(await request.bytes()));
        return callNext(request);
      }),
    );
    app.use(counting as never);
    const body = Buffer.of(0x61, 0xe9, 0xff);
    expect(await ask(app, { method: 'POST' }, body)).toEqual([200, 'got 61e9ff']);
    expect(seen).toEqual([body]);
  });

  it('does not see an incomplete body as complete', async () => {
    const log = new EventLog();
    const app = express();
    app.use(toExpress(streaming));
    app.use((req, res) => {
      const sink = new PassThrough();
      sink.on('finish', () => log.add('complete')).resume();
      req.on('end', () => log.add('end'));
      req.on('error', error => {
        log.add(`error ${(error as { status?: number }).status}`);
        res.status(413).end('told');
      });
      req.pipe(sink);
    });
    expect(await ask(app, { method: 'POST' }, Buffer.alloc(3 * mebibyte))).toEqual([413, 'told']);
    expect(log.events).toEqual(['error 413']);
  });

  it('learns that a new body failed', async () => {
    const log = new EventLog();
    const app = express();
    async function* failing(): AsyncGenerator<string> {
      yield 'abc';
      throw new Error('lost');
    }
    app.use(toExpress((request, callNext) => callNext(new Request(request, { body: failing() }))));
    app.use((req, res) => {
      req.on('data', chunk => log.add(String(chunk)));
      req.on('end', () => log.add('end'));
      req.on('error', error => res.status(502).end(error.message));
    });
    expect(await ask(app, { method: 'POST' }, 'old')).toEqual([502, 'lost']);
    expect(log.events).toEqual(['abc']);
  });

  it('keeps its connection when a body changes behind a parser, however late it answers', async () => {
    const log = new EventLog();
    const app = express().set('env', 'test');
    app.use(express.json());
    app.use(toExpress((request, callNext) => callNext(new Request(request, { body: '{"new":1}' }))));
    app.post('/', async (req, res) => {
      req.on('aborted', () => log.add('aborted'));
      for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve));
      res.json(req.body);
    });
    const options = { method: 'POST', headers: { 'content-type': 'application/json' } };
    expect(await ask(app, options, '{"old":1}')).toEqual([200, '{"new":1}']);
    expect(log.events).toEqual([]);
  });

  it('sees the close of a request whose body was changed before it was read', async () => {
    const log = new EventLog();
    const app = express();
    app.use(toExpress((request, callNext) => callNext(new Request(request, { body: 'new' }))));
    app.use((req, res) => {
      for (const event of ['end', 'close', 'aborted']) req.on(event, () => log.add(event));
      req.resume().on('end', () => res.end('ok'));
    });
    expect(await ask(app, { method: 'POST' }, 'old')).toEqual([200, 'ok']);
    await log.until('close');
    expect(log.events).toEqual(['end', 'close']);
  });

  it('sees the close of a request whose body was changed', async () => {
    const log = new EventLog();
    const app = express();
    app.use(
      toExpress(async (request, callNext) => {
        await request.text();
        return callNext(new Request(request, { body: 'new' }));
      }),
    );
    app.use((req, res) => {
      for (const event of ['end', 'close']) req.on(event, () => log.add(event));
      req.on('data', chunk => log.add(String(chunk))).on('end', () => res.end('ok'));
    });
    expect(await ask(app, { method: 'POST' }, 'old')).toEqual([200, 'ok']);
    await log.until('close');
    expect(log.events).toEqual(['new', 'end', 'close']);
  });

  it('answers a 400 if a changed body is no longer JSON, as if it had been sent', async () => {
    const app = express().set('env', 'test');
    app.use(express.json());
    app.use(toExpress((request, callNext) => callNext(new Request(request, { body: 'not json' }))));
    app.post('/', (req, res) => res.json(req.body));
    const options = { method: 'POST', headers: { 'content-type': 'application/json' } };
    expect((await ask(app, options, '{"old":1}'))[0]).toBe(400);
  });

  it.each<[string, (req: http.IncomingMessage) => void]>([
    ['pipes into what nobody reads', req => void req.pipe(new PassThrough())],
    ['has paused', req => void req.on('data', () => undefined).pause()],
    ['listens and does not read', req => void req.on('readable', () => undefined)],
  ])(
    'cannot block other readers when it is one that %s',
    async (_what, stall) => {
      const log = new EventLog();
      const app = express();
      app.use(
        toExpress(async (request, callNext) => {
          const read = new Response(request.body)
            .arrayBuffer()
            .catch(error => log.add(`left behind: ${error.status}`));
          const response = await callNext(request);
          await read;
          return response;
        }),
      );
      app.use((req, res) => {
        stall(req);
        setImmediate(() => res.status(504).end('gave up'));
      });
      expect(await ask(app, { method: 'POST' }, Buffer.alloc(8 * mebibyte))).toEqual([504, 'gave up']);
      expect(log.events).toEqual(['left behind: 413']);
    },
    20_000,
  );

  it('and other readers get a body of 200,000 chunks in linear time', async () => {
    const count = 200_000;
    const length = endpoint({}, async ({ request }) => (await request.text()).length);
    const app = express().use(toExpress(new Layer()), express.text({ limit: '2mb' }), toExpress(length));
    await listening(app, async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.write(
        'POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
      );
      socket.end(`${'1\r\na\r\n'.repeat(count)}0\r\n\r\n`);
      let text = '';
      for await (const chunk of socket.setEncoding('utf8')) text += chunk;
      expect(text).toMatch(/\r\n\r\n200000$/);
    });
  });

  /** Every way in which native code reads a stream to its end. */
  const readers: Record<string, (req: http.IncomingMessage) => Promise<Buffer[]>> = {
    async 'by iterating'(req) {
      const parts: Buffer[] = [];
      for await (const part of req) parts.push(part);
      return parts;
    },
    async 'by listening to data'(req) {
      const parts: Buffer[] = [];
      req.on('data', part => parts.push(part));
      await once(req, 'end');
      return parts;
    },
    async 'by listening to readable, in parts of its own size'(req) {
      const parts: Buffer[] = [];
      req.on('readable', () => {
        for (let part = req.read(1000); part !== null; part = req.read(1000)) parts.push(part);
      });
      await once(req, 'end');
      return parts;
    },
    async 'by listening to readable, in what is there'(req) {
      const parts: Buffer[] = [];
      req.on('readable', () => {
        for (let part = req.read(); part !== null; part = req.read()) parts.push(part);
      });
      await once(req, 'end');
      return parts;
    },
    async 'with pauses'(req) {
      const parts: Buffer[] = [];
      req.on('data', part => {
        parts.push(part);
        req.pause();
        setImmediate(() => req.resume());
      });
      await once(req, 'end');
      return parts;
    },
    async 'by a pipe into what is slow'(req) {
      const parts: Buffer[] = [];
      const slow = new PassThrough({ highWaterMark: 100 });
      for await (const part of req.pipe(slow)) parts.push(part);
      return parts;
    },
  };
  const bytes = Buffer.from(
    Array.from({ length: 300_000 }, (_each, index) => (index * 31 + (index >> 8)) % 256),
  );
  /** Chunks of one byte, of a few and of many, in turn. */
  const chunks: Buffer[] = [];
  for (let sent = 0, each = 0; sent < bytes.length; each += 1) {
    const size = [1, 1, 1, 1, 7, 1, 1500, 1, 1, 20_000][each % 100 < 90 ? each % 4 : each % 10] ?? 1;
    chunks.push(bytes.subarray(sent, sent + size));
    sent += size;
  }

  /** Native code after a middleware that has read the whole body; `ours` is what the middleware read. */
  function readLater(read: (req: http.IncomingMessage) => Promise<Buffer[]>) {
    const ours = gate<Uint8Array>();
    const ahead: Middleware = async (request, callNext) => {
      ours.open(await request.bytes());
      return callNext(request);
    };
    const native: http.RequestListener = async (req, res) => {
      const parts = await read(req);
      res.end(String(Buffer.concat(parts).equals(bytes)));
    };
    return { ours, ahead, native };
  }

  it.each(Object.entries(readers))('gets all of it when it reads later, %s', async (_how, read) => {
    const { ours, ahead, native } = readLater(read);
    await listening(express().use(toExpress(ahead), native as never), async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n');
      for (const chunk of chunks) {
        socket.write(`${chunk.length.toString(16)}\r\n`);
        socket.write(chunk);
        socket.write('\r\n');
      }
      socket.write('0\r\n\r\n');
      let text = '';
      for await (const chunk of socket.setEncoding('utf8')) text += chunk;
      expect(text).toMatch(/\r\n\r\ntrue$/);
    });
    expect(Buffer.from(await ours.opened).equals(bytes)).toBe(true);
  });

  it.each(Object.entries(readers))('gets all of it on HTTP/2 when it reads later, %s', async (_how, read) => {
    const { ours, ahead, native } = readLater(read);
    const server = http2.createServer(toNode(ahead, native as never) as never);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    session.close();
    await new Promise(resolve => server.close(resolve));
    expect(text).toBe('true');
    expect(Buffer.from(await ours.opened).equals(bytes)).toBe(true);
  });
});

describe('kept bytes', () => {
  const sizes = fc.array(fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 3000 }), fc.nat({ max: 100_000 })), {
    maxLength: 300,
  });

  it('reach each reader unchanged, whatever the sizes of chunks', () => {
    fc.assert(
      fc.property(sizes, fc.array(fc.nat({ max: 96 })), (pushed, pauses) => {
        const kept = new KeptBytes();
        const sent: Buffer[] = [];
        const readers = [0, 1].map(() => ({ position: 0, parts: [] as Uint8Array[] }));
        for (const [index, size] of pushed.entries()) {
          const chunk = Buffer.alloc(size, index % 251);
          sent.push(chunk);
          kept.push(chunk);
          const reader = pauses.includes(index % 97) ? readers[index % 2] : undefined;
          const part = reader && kept.next(reader);
          if (part) reader.parts.push(part);
          kept.forget(Math.min(...readers.map(each => each.position)));
        }
        for (const reader of readers) {
          for (let next = kept.next(reader); next; next = kept.next(reader)) reader.parts.push(next);
          expect(Buffer.concat(reader.parts).equals(Buffer.concat(sent))).toBe(true);
        }
        kept.forget(kept.end);
        expect([kept.size, kept.take()]).toEqual([0, undefined]);
      }),
      { numRuns: 50 },
    );
  });

  it('take at most a few times their size', () => {
    fc.assert(
      fc.property(sizes, fc.nat({ max: 3 }), (pushed, times) => {
        const kept = new KeptBytes();
        // Give each chunk its own buffer, as when a client sends little at a time.
        for (let time = 0; time <= times; time += 1)
          for (const size of pushed) kept.push(new Uint8Array(65_536 + size).subarray(65_536));
        const memory = new Set(kept.chunks().map(({ buffer }) => buffer));
        const size = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
        expect(size).toBeLessThanOrEqual(4 * kept.size + 300_000);
        expect(kept.chunks().length).toBeLessThanOrEqual(kept.size / 500 + 10);
      }),
      { numRuns: 50 },
    );
  });
});

describe.each(frameworks)('an empty body on $name', ({ app }) => {
  it('stays empty, whoever has listened to it', async () => {
    const target = endpoint({}, async ({ request }) => [
      await request.text(),
      (await request.bytes()).length,
    ]);
    const touched = app()
      .around(
        () => undefined,
        () => undefined,
      )
      .use(new Layer())
      .at('/', target);
    const options = { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': 0 } };
    expect(await ask(touched.listener(), options)).toEqual([200, '["",0]']);
  });
});

it.each(['content-length', 'transfer-encoding'])(
  'an empty body by %s stays empty behind express.json()',
  async name => {
    const target = endpoint({}, async ({ request }) => [await request.text()]);
    for (const handlers of [
      [express.json(), toExpress(target)],
      [toExpress(new Layer()), express.json(), toExpress(target)],
    ]) {
      const headers = {
        'content-type': 'application/json',
        [name]: name === 'content-length' ? 0 : 'chunked',
      };
      expect(await ask(express().use(...(handlers as [])), { method: 'POST', headers })).toEqual([
        200,
        '[""]',
      ]);
    }
  },
);

describe('a truncated body', () => {
  const log = new EventLog();
  const target = endpoint({}, async ({ request }) => {
    log.add('reading');
    await request.text().then(
      text => log.add(`whole: ${text}`),
      error => log.add(error.name),
    );
    return 1;
  });

  it.each<[string, () => http.RequestListener]>([
    ['Node', () => toNode(target) as http.RequestListener],
    ['Koa', () => new Koa().use(toKoa(new Layer())).use(toKoa(target)).callback()],
  ])('on HTTP/2 does not count as complete on %s', async (_name, listener) => {
    log.events.length = 0;
    const server = http2.createServer(listener() as never);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.on('error', () => undefined);
    stream.write('abc');
    await log.until('reading');
    await new Promise(resolve => setImmediate(resolve));
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await log.until('ClientDisconnect');
    session.destroy();
    await new Promise(resolve => server.close(resolve));
    expect(log.events).toEqual(['reading', 'ClientDisconnect']);
  });

  it('does not count as complete in a background task after the response', async () => {
    const open = gate();
    const late = new EventLog();
    const later = endpoint({}, ({ request, backgroundTasks }) => {
      backgroundTasks.addTask(async () => {
        await open.opened;
        await request.text().then(
          text => late.add(`whole: ${text}`),
          error => late.add(error.code),
        );
      });
      return 'ok';
    });
    await listening(express().use(toExpress(later)), async (_url, port) => {
      const request = http.request({ port, method: 'POST', headers: { 'content-length': 6 } });
      request.on('error', () => undefined).write('abc');
      await once(request, 'response');
      request.end('def');
      await once(request, 'finish');
      for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve));
      open.open();
      await late.until('BODY_CONSUMED');
    });
    expect(late.events).toEqual(['BODY_CONSUMED']);
  });

  it('is complete in a background task if it arrived before', async () => {
    const arrived = gate();
    const late = new EventLog();
    const later = endpoint({}, async ({ request, backgroundTasks }) => {
      await arrived.opened;
      backgroundTasks.addTask(async () => late.add(await request.text()));
      return 'ok';
    });
    await listening(express().use(toExpress(new Layer()), toExpress(later)), async (_url, port) => {
      const request = http.request({ port, method: 'POST' }).end('abc');
      await once(request, 'finish');
      for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve));
      arrived.open();
      await late.until('abc');
    });
    expect(late.events).toEqual(['abc']);
  });
});

describe('HTTP/2', () => {
  /** The body of the answer, or the code with which the stream was reset. */
  async function ask2(listener: unknown, body: Buffer | string): Promise<string | number> {
    const server = http2.createServer(listener as never);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.on('error', () => undefined);
    stream.end(body);
    let text = '';
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk;
    });
    await new Promise(resolve => stream.once('close', resolve));
    session.close();
    await new Promise(resolve => server.close(resolve));
    return stream.rstCode || text;
  }

  it('resets the stream of native code without error listeners, and the process survives', async () => {
    expect(await ask2(toNode(streaming, counting as never), Buffer.alloc(3 * mebibyte))).toBe(2);
    const failing: Middleware = (request, callNext) => {
      async function* body(): AsyncGenerator<string> {
        yield 'abc';
        throw new Error('lost');
      }
      return callNext(new Request(request, { body: body() }));
    };
    expect(await ask2(toNode(failing, counting as never), 'old')).toBe(2);
  });

  it('runs the tasks although nobody has read a body to its end', async () => {
    const log = new EventLog();
    const layer = new Layer();
    layer.addMiddleware(async (request, callNext) => {
      await request.text().catch(error => log.add(String(error.status)));
      return callNext(request);
    });
    const target = endpoint({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('task'));
      return 1;
    });
    const app = new Koa().use(toKoa(layer)).use(toKoa(target));
    expect(await ask2(app.callback(), Buffer.alloc(3 * mebibyte))).toBe('1');
    await log.until('task');
    expect(log.events).toEqual(['413', 'task']);
  });

  it('closes a request with another body once', async () => {
    const log = new EventLog();
    const change: Middleware = (request, callNext) => callNext(new Request(request, { body: 'new' }));
    const native: http.RequestListener = (req, res) => {
      req.on('close', () => log.add('close'));
      counting(req, res);
    };
    expect(await ask2(toNode(change, native as never), 'old')).toBe('got new');
    await log.until('close');
    for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve));
    expect(log.events).toEqual(['close']);
  });

  it('shows another body and other headers, too', async () => {
    const change: Middleware = (request, callNext) => callNext(new Request(request, { body: 'new' }));
    const server = http2.createServer(toNode(change, counting as never) as never);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.end('old');
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    session.close();
    await new Promise(resolve => server.close(resolve));
    expect(text).toBe('got new');
  });
});

describe('forms', () => {
  const multipart = 'multipart/form-data; boundary=b';
  const file = (content: string): string =>
    `--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n${content}\r\n--b--\r\n`;
  const options = { method: 'POST', headers: { 'content-type': multipart } };
  const folders = (): string[] =>
    readdirSync(tmpdir()).filter(name => name.startsWith('callnext-') && name.length === 15);

  it('that arrive after the request leave nothing on disk', async () => {
    const before = folders();
    const seen = new EventLog();
    const open = gate();
    const late = endpoint({}, async ({ request }) => {
      await request.bytes();
      open.opened.then(() => request.form()).catch(error => seen.add(error.code));
      return 1;
    });
    const layer = new Layer({ maxBodySize: 8 * mebibyte });
    await listening(express().use(toExpress(layer), toExpress(late)), async url => {
      await fetch(url, { ...options, body: file('x'.repeat(4 * mebibyte)) });
      await layer.close();
      open.open();
      await seen.until('FORM_LATE');
    });
    expect(folders()).toEqual(before);
  });

  it('that are compressed stay in memory, so that a bomb stays small', async () => {
    const before = folders();
    const read = endpoint({}, async ({ request }) => [...(await request.form())].length);
    const coded = { method: 'POST', headers: { 'content-type': multipart, 'content-encoding': 'gzip' } };
    const app = express().use(toExpress(new Layer()), toExpress(read));
    expect((await ask(app, coded, gzipSync(file('x'.repeat(50 * mebibyte)))))[0]).toBe(413);
    expect(await ask(app, coded, gzipSync(file('x')))).toEqual([200, '1']);
    expect(folders()).toEqual(before);
  });

  it('are read once for all requests with that body', async () => {
    const guard: Middleware = async (request, callNext) => {
      await request.form();
      return callNext(new Request(request, { headers: [...request.headers, ['x-user', '1']] }));
    };
    const read = endpoint({}, async ({ request }) => ((await request.clone().form()).get('f') as File).size);
    const app = express().use(toExpress(guard), toExpress(read));
    expect(await ask(app, options, file('x'.repeat(2 * mebibyte)))).toEqual([200, String(2 * mebibyte)]);
  });
});
