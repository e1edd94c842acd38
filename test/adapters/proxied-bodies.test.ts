import http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as zlib from 'node:zlib';
import { endpoint, HTTPException, Layer, type ResponseLike } from 'callnext';
import { fetchEndpoint } from 'callnext/node';
import { ask, type Got } from '../support/ask.js';
import { EventLog, gate } from '../support/events.js';
import { type Framework, frameworks, listening } from '../support/frameworks.js';

interface NodeFetch {
  (url: string): Promise<globalThis.Response>;
  Response: typeof globalThis.Response;
}
const nodeFetch = require('node-fetch') as NodeFetch;

const coders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: bytes => zlib.gzipSync(bytes),
  br: bytes => zlib.brotliCompressSync(bytes),
  deflate: bytes => zlib.deflateSync(bytes),
};
const decoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: bytes => zlib.gunzipSync(bytes),
  br: bytes => zlib.brotliDecompressSync(bytes),
  deflate: bytes => zlib.inflateSync(bytes),
};
const codings = Object.keys(coders);

function code(coding: string, body: Buffer | undefined): Buffer {
  const coder = coders[coding];
  if (coder === undefined || body === undefined) throw new Error(coding);
  return coder(body);
}

/** The proxied bodies. A Brotli decoder accepts the script's comment as a complete body. */
const bodies: Readonly<Record<string, Buffer>> = {
  json: Buffer.from(JSON.stringify({ items: Array(50).fill({ name: 'item' }) })),
  html: Buffer.from(`<!doctype html><p>${'text '.repeat(100)}`),
  script: Buffer.from(`/*! license */\n${'call();\n'.repeat(100)}`),
  russian: Buffer.from('привет '.repeat(100)),
  short: Buffer.from('ok'),
  empty: Buffer.alloc(0),
};

let upstream: http.Server;
let origin: string;

beforeAll(async () => {
  upstream = http.createServer((req, res) => {
    const [, coding = '', name = ''] = (req.url ?? '').split('/');
    const body = code(coding, bodies[name]);
    res.writeHead(200, {
      'content-encoding': coding,
      'content-length': body.length,
      'x-up': '1',
      etag: '"a"',
    });
    res.end(body);
  });
  await new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

const decodedBody = (got: Got): Buffer =>
  (decoders[got.headers['content-encoding'] ?? ''] ?? ((bytes: Buffer) => bytes))(got.body);

type Proxy = (path: string, method: string) => Promise<globalThis.Response>;

const proxies: Readonly<Record<string, Proxy>> = {
  'returns what fetch gave': (path, method) => fetch(origin + path, { method }),
  'makes another response of it': async (path, method) => {
    const up = await fetch(origin + path, { method });
    return new globalThis.Response(up.body, up);
  },
  'makes another one of its headers': async (path, method) => {
    const { body, headers, status } = await fetch(origin + path, { method });
    return new globalThis.Response(body, { status, headers });
  },
  'transforms its body': async (path, method) => {
    const up = await fetch(origin + path, { method });
    return new globalThis.Response(up.body?.pipeThrough(new TransformStream()) ?? null, up);
  },
};

type Answer = (request: { readonly url: string; readonly method: string }) => Promise<ResponseLike>;

/** Places where user code answers with a response. */
const places: Readonly<Record<string, (framework: Framework, answer: Answer) => http.RequestListener>> = {
  'a Fetch handler': (framework, answer) =>
    framework.app().use(new Layer()).at('/', fetchEndpoint(answer)).listener(),
  'an endpoint': (framework, answer) =>
    framework
      .app()
      .at(
        '/',
        endpoint({}, ({ request }) => answer(request)),
      )
      .listener(),
  'a middleware': (framework, answer) =>
    framework
      .app()
      .use(request => answer(request))
      .listener(),
  'an exception handler': (framework, answer) => {
    const layer = new Layer();
    layer.addExceptionHandler(404, request => answer(request));
    const missing = endpoint({}, () => {
      throw new HTTPException(404);
    });
    return framework.app().use(layer).at('/', missing).listener();
  },
};

describe.each(frameworks)('a coded upstream on $name', framework => {
  describe.each(Object.entries(places))('behind %s', (_place, mount) => {
    it.each(Object.entries(proxies))('is not declared as compressed by what %s', async (_title, proxy) => {
      const listener = mount(framework, ({ url, method }) => proxy(new URL(url).pathname, method));
      await listening(listener, async (_url, port) => {
        for (const coding of codings)
          for (const [name, body] of Object.entries(bodies)) {
            const got = await ask(port, { path: `/${coding}/${name}` });
            const { 'content-encoding': coded, 'content-length': length, 'x-up': kept } = got.headers;
            expect([coding, name, coded, kept]).toEqual([coding, name, undefined, '1']);
            expect([undefined, String(body.length)]).toContain(length);
            expect(got.text).toBe(body.toString());
          }
      });
    });
  });

  it('has no coding and no length in answer to HEAD either, as GET has none', async () => {
    for (const proxy of Object.values(proxies)) {
      const handler = fetchEndpoint(request => proxy('/gzip/json', request.method));
      await listening(framework.app().at('/', handler).listener(), async (_url, port) => {
        const { headers } = await ask(port, { method: 'HEAD' });
        expect([headers['content-encoding'], headers['content-length'], headers['x-up']]).toEqual([
          undefined,
          undefined,
          '1',
        ]);
      });
    }
  });

  it('is decoded by node-fetch too, whose copies of a response keep its URL', async () => {
    const handler = fetchEndpoint(async () => {
      const up = await nodeFetch(`${origin}/gzip/json`);
      return new nodeFetch.Response(up.body, up);
    });
    await listening(framework.app().at('/', handler).listener(), async (_url, port) => {
      const got = await ask(port);
      expect([got.headers['content-encoding'], got.text]).toEqual([undefined, bodies.json?.toString()]);
    });
  });
});

/** Bodies that the handler has encoded itself. */
const made: Readonly<
  Record<string, (coding: string, body: Buffer) => globalThis.Response | Promise<globalThis.Response>>
> = {
  'as a whole': (coding, body) =>
    new globalThis.Response(code(coding, body) as never, { headers: { 'content-encoding': coding } }),
  'with its length': (coding, body) => {
    const coded = code(coding, body);
    const headers = { 'content-encoding': coding, 'content-length': String(coded.length) };
    return new globalThis.Response(coded as never, { headers });
  },
  'byte by byte': (coding, body) => {
    const bytes = [...code(coding, body)];
    const stream = new ReadableStream({
      pull(controller) {
        const byte = bytes.shift();
        if (byte === undefined) controller.close();
        else controller.enqueue(Uint8Array.of(byte));
      },
    });
    return new globalThis.Response(stream, { headers: { 'content-encoding': coding } });
  },
  'over what it took from an upstream': async (coding, body) => {
    const up = await fetch(`${origin}/gzip/json`);
    await up.arrayBuffer();
    const headers = new globalThis.Headers(up.headers);
    headers.set('content-encoding', coding);
    headers.delete('content-length');
    return new globalThis.Response(code(coding, body) as never, { headers });
  },
};

describe.each(frameworks)('a body that a Fetch handler has compressed on $name', framework => {
  it.each(Object.entries(made))('keeps its coding when it is given %s', async (_title, make) => {
    const handler = fetchEndpoint(request => {
      const [, coding = '', name = ''] = new URL(request.url).pathname.split('/');
      return make(coding, bodies[name] as Buffer);
    });
    await listening(framework.app().use(new Layer()).at('/', handler).listener(), async (_url, port) => {
      for (const coding of codings)
        for (const [name, body] of Object.entries(bodies)) {
          const got = await ask(port, { path: `/${coding}/${name}` });
          expect([coding, name, got.headers['content-encoding']]).toEqual([coding, name, coding]);
          expect(decodedBody(got).toString()).toBe(body.toString());
        }
    });
  });

  it('keeps a coding that `fetch` does not undo, and the one of a 304', async () => {
    const zstd = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x00, 0x09, 0x00, 0x00, 0x61]);
    const answers: Readonly<Record<string, () => globalThis.Response>> = {
      '/zstd': () => new globalThis.Response(zstd as never, { headers: { 'content-encoding': 'zstd' } }),
      '/own': () => new globalThis.Response('text', { headers: { 'content-encoding': 'constructor' } }),
      '/304': () => new globalThis.Response(null, { status: 304, headers: { 'content-encoding': 'gzip' } }),
    };
    const handler = fetchEndpoint(request => answers[new URL(request.url).pathname]?.() as never);
    await listening(framework.app().at('/', handler).listener(), async (_url, port) => {
      const codingOf = async (path: string) => (await ask(port, { path })).headers['content-encoding'];
      expect(await codingOf('/zstd')).toBe('zstd');
      expect(await codingOf('/own')).toBe('constructor');
      if (!framework.isKoa) expect(await codingOf('/304')).toBe('gzip');
    });
  });

  it('streams from its first bytes on, and closes when its client leaves', async () => {
    const more = gate();
    const closed = gate();
    const coded = zlib.gzipSync('streamed'.repeat(10));
    const [first, rest] = [coded.subarray(0, 8), coded.subarray(8)];
    const stream = new ReadableStream({
      async pull(controller) {
        controller.enqueue(first);
        await more.opened;
        controller.enqueue(rest);
      },
      cancel: () => closed.open(),
    });
    const handler = fetchEndpoint(
      () => new globalThis.Response(stream, { headers: { 'content-encoding': 'gzip' } }),
    );
    await listening(framework.app().at('/', handler).listener(), async (_url, port) => {
      const sent = http.get({ port, host: '127.0.0.1', agent: false }, received => {
        received.on('error', () => undefined);
        received.once('data', chunk => {
          expect(Buffer.compare(chunk, first)).toBe(0);
          sent.destroy();
          more.open();
        });
      });
      sent.on('error', () => undefined);
      await closed.opened;
    });
  });

  it('closes when its client leaves before the first byte', async () => {
    const log = new EventLog();
    const pull = (): Promise<void> => {
      log.add('pulled');
      return new Promise(() => undefined);
    };
    const stream = new ReadableStream({ pull, cancel: () => log.add('closed') }, { highWaterMark: 0 });
    const handler = fetchEndpoint(
      () => new globalThis.Response(stream, { headers: { 'content-encoding': 'gzip' } }),
    );
    await listening(framework.app().at('/', handler).listener(), async (_url, port) => {
      const sent = http.get({ port, host: '127.0.0.1', agent: false });
      sent.on('error', () => undefined);
      await log.until('pulled');
      sent.destroy();
      await log.until('closed');
    });
    expect(log.events).toEqual(['pulled', 'closed']);
  });
});
