import { createHash } from 'node:crypto';
import http from 'node:http';
import { PassThrough } from 'node:stream';
import * as zlib from 'node:zlib';
import { brotliDecompressSync, constants, createBrotliDecompress, createGunzip, gunzipSync } from 'node:zlib';
import {
  BackgroundTask,
  EventSourceResponse,
  endpoint,
  FileResponse,
  Layer,
  ServerSentEvent,
  StreamingResponse,
} from 'callnext';
import { type GzipOptions, gzip } from 'callnext/middleware/gzip';
import { type Answering, ask, askThrough, type Got, hosts } from '../support/ask.js';
import { gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

const text = 'a text that can be made smaller. '.repeat(40);
const tiny = 'x'.repeat(499);

interface Case {
  readonly title: string;
  readonly options?: GzipOptions;
  readonly accepts?: string;
  readonly below?: Answering;
  readonly method?: string;
  /** The coding of the answer; unset if it stays unchanged. */
  readonly coding?: 'gzip' | 'br';
  readonly varies: boolean;
}

const all = { encodings: ['br', 'gzip'] } as const;
const of = (type: string, others: Record<string, string> = {}): Answering => ({
  body: text,
  headers: { 'content-type': type, ...others },
});
const coded = { coding: 'gzip', varies: true } as const;
const plain = { varies: false } as const;
const plainForThisClient = { varies: true } as const;

const cases: Case[] = [
  { title: 'a text is coded', ...coded },
  { title: 'without an accept-encoding it is not', accepts: '', ...plainForThisClient },
  { title: 'one of several codings is enough', accepts: 'deflate, gzip, br', ...coded },
  { title: 'a coding is compared without its case', accepts: 'GZIP', ...coded },
  { title: 'a coding that is refused is not used', accepts: 'gzip;q=0', ...plainForThisClient },
  { title: 'a coding of which the name is a part is another one', accepts: 'x-gzip', ...plainForThisClient },
  { title: 'any coding will do', accepts: '*', ...coded },
  { title: 'any coding but this one will do', accepts: '*, gzip;q=0', ...plainForThisClient },
  {
    title: 'a client that likes the text better gets that',
    accepts: 'gzip;q=0.2, identity;q=0.5',
    ...plainForThisClient,
  },
  { title: 'garbage is no coding', accepts: ';;,q=,gz ip', ...plainForThisClient },
  { title: 'Brotli is not spoken unless asked for', accepts: 'br', ...plainForThisClient },
  { title: 'Brotli is spoken where it is', options: all, accepts: 'br', coding: 'br', varies: true },
  {
    title: 'of two that are liked the first of ours is used',
    options: all,
    accepts: 'gzip, br',
    coding: 'br',
    varies: true,
  },
  { title: 'what a client likes better counts first', options: all, accepts: 'br;q=0.5, gzip', ...coded },
  { title: 'a body below the least size stays', below: { body: tiny }, ...plain },
  { title: 'a body of the least size is coded', below: { body: `${tiny}x` }, ...coded },
  { title: 'the least size may be another', options: { minimumSize: 499 }, below: { body: tiny }, ...coded },
  { title: 'the size is in bytes', below: { body: 'é'.repeat(250) }, ...coded },
  { title: 'an empty body stays', options: { minimumSize: 0 }, below: { status: 204, body: null }, ...plain },
  { title: 'a stream is coded whatever its size', below: { chunks: ['one', 'two'] }, ...coded },
  {
    title: 'a stream is coded by Brotli',
    options: all,
    accepts: 'br',
    below: { chunks: ['one', 'two'] },
    coding: 'br',
    varies: true,
  },
  {
    title: 'what is coded already stays',
    below: of('text/plain', { 'content-encoding': 'identity' }),
    ...plain,
  },
  {
    title: 'a part of a body stays',
    below: { ...of('text/plain', { 'content-range': 'bytes 0-99/1000' }), status: 206 },
    ...plain,
  },
  {
    title: 'no-transform is heeded',
    below: of('text/plain', { 'cache-control': 'public, no-transform' }),
    ...plain,
  },
  {
    title: 'an event stream stays',
    below: { chunks: ['data: 1\n\n'], headers: { 'content-type': 'text/event-stream' } },
    ...plain,
  },
  {
    title: 'an event stream stays whatever is excluded',
    options: { excludeContentTypes: [] },
    below: of('text/event-stream; charset=utf-8'),
    ...plain,
  },
  { title: 'an image stays', below: of('image/png'), ...plain },
  { title: 'an image that is a text is coded', below: of('image/svg+xml'), ...coded },
  { title: 'a film stays', below: of('video/mp4'), ...plain },
  { title: 'gRPC with a suffix stays', below: of('application/grpc+proto'), ...plain },
  { title: 'a type in capitals is the same', below: of('IMAGE/JPEG'), ...plain },
  {
    title: 'other types may be excluded',
    options: { excludeContentTypes: ['application/x-mine'] },
    below: of('application/x-mine; a=b'),
    ...plain,
  },
  {
    title: 'and take the place of the usual ones',
    options: { excludeContentTypes: ['text/*'] },
    below: of('image/png'),
    ...coded,
  },
  {
    title: 'a kind may be excluded',
    options: { excludeContentTypes: ['text/*'] },
    below: of('text/plain'),
    ...plain,
  },
  { title: 'an error is coded', below: { status: 500, body: text }, ...coded },
  {
    title: 'the answer to HEAD stays, and varies',
    method: 'HEAD',
    below: { body: text },
    ...plainForThisClient,
  },
  { title: 'vary of the app stays', below: of('text/plain', { vary: 'Origin' }), ...coded },
  { title: 'the level is of zlib', options: { compressLevel: 0 }, ...coded },
];

function decoded({ headers, body }: Got): string {
  const coding = headers['content-encoding'];
  if (coding === 'gzip') return gunzipSync(body).toString();
  return (coding === 'br' ? brotliDecompressSync(body) : body).toString();
}

describe.each(hosts)('gzip() on $name', host => {
  it.each(cases)(
    '$title',
    async ({ options = {}, accepts = 'gzip', below = { body: text }, method = 'GET', coding, varies }) => {
      const headers: Record<string, string> = accepts === '' ? {} : { 'accept-encoding': accepts };
      const got = await askThrough(host, [gzip(options)], below, { method, headers });
      const original = below.chunks?.join('') ?? below.body ?? '';
      expect(got.status).toBe(below.status ?? 200);
      expect(got.headers['content-encoding']).toBe(coding ?? below.headers?.['content-encoding']);
      const own = below.headers?.vary;
      expect(got.headers.vary).toBe(varies ? [own, 'Accept-Encoding'].filter(Boolean).join(', ') : own);
      expect(decoded(got)).toBe(method === 'HEAD' ? '' : String(original));
      const isWhole = below.chunks === undefined && method !== 'HEAD' && below.body !== null;
      if (isWhole) expect(got.headers['content-length']).toBe(String(got.body.length));
      if (coding && options.compressLevel !== 0 && original.length > 500)
        expect(got.body.length).toBeLessThan(original.length / 2);
    },
  );

  it('weakens an etag and removes headers about the original bytes', async () => {
    const hash = createHash('sha256').update(text).digest('base64');
    const below = of('text/plain', {
      etag: '"abc"',
      'accept-ranges': 'bytes',
      'content-digest': `sha-256=:${hash}:`,
      'last-modified': 'Fri, 27 Nov 2026 00:00:00 GMT',
    });
    const got = await askThrough(host, [gzip()], below, { headers: { 'accept-encoding': 'gzip' } });
    const {
      etag,
      'accept-ranges': ranges,
      'content-digest': digest,
      'last-modified': modified,
    } = got.headers;
    expect({ etag, ranges, digest, modified }).toEqual({
      etag: 'W/"abc"',
      ranges: undefined,
      digest: undefined,
      modified: 'Fri, 27 Nov 2026 00:00:00 GMT',
    });
  });

  it('wraps a middleware that reads the body', async () => {
    const reader = async (request: never, callNext: (request: never) => Promise<Response>) => {
      const response = await callNext(request);
      expect(await response.text()).toBe(text);
      return response;
    };
    const got = await askThrough(
      host,
      [gzip(), reader as never],
      { body: text },
      { headers: { 'accept-encoding': 'gzip' } },
    );
    expect(decoded(got)).toBe(text);
  });

  it('runs inside a middleware that reads the body, which then gets compressed bytes', async () => {
    let seen: Uint8Array | undefined;
    const reader = async (
      request: never,
      callNext: (request: never) => Promise<{ arrayBuffer(): Promise<ArrayBuffer> }>,
    ) => {
      const response = await callNext(request);
      seen = new Uint8Array(await response.arrayBuffer());
      return response;
    };
    const got = await askThrough(
      host,
      [reader as never, gzip()],
      { body: text },
      { headers: { 'accept-encoding': 'gzip' } },
    );
    expect(decoded(got)).toBe(text);
    expect(gunzipSync(seen as Uint8Array).toString()).toBe(text);
  });

  it('compresses a large body as a stream', async () => {
    const body = 'large '.repeat(400_000);
    const got = await askThrough(
      host,
      [gzip({ compressLevel: 1 })],
      { body },
      { headers: { 'accept-encoding': 'gzip' } },
    );
    expect(got.headers['content-length']).toBeUndefined();
    expect(decoded(got)).toBe(body);
  });
});

/** The decoded pieces of a stream, as a client receives them. */
function piecesOf(port: number, path: string, coding: 'gzip' | 'br') {
  return new Promise<{ next: () => Promise<string>; ended: Promise<void>; failed: Promise<Error> }>(
    (resolve, reject) => {
      const sent = http.get(
        { port, host: '127.0.0.1', path, headers: { 'accept-encoding': coding }, agent: false },
        received => {
          expect(received.headers['content-encoding']).toBe(coding);
          const failed = new Promise<Error>(fail => received.on('error', fail));
          const options = { finishFlush: constants.Z_SYNC_FLUSH };
          const decoder = coding === 'gzip' ? createGunzip(options) : createBrotliDecompress();
          const decodedStream = received.pipe(decoder).pipe(new PassThrough());
          const ended = new Promise<void>(end => decodedStream.on('end', end));
          const waiting: ((piece: string) => void)[] = [];
          const pieces: string[] = [];
          decodedStream.on('data', piece => {
            const wake = waiting.shift();
            if (wake) wake(String(piece));
            else pieces.push(String(piece));
          });
          const next = async () => pieces.shift() ?? new Promise<string>(wake => waiting.push(wake));
          resolve({ next, ended, failed });
        },
      );
      sent.on('error', reject);
    },
  );
}

/** A client that leaves after the first chunk. */
function leaveAtFirstChunk(port: number): void {
  const options = { port, host: '127.0.0.1', headers: { 'accept-encoding': 'gzip' }, agent: false };
  const sent = http.get(options, received => {
    received.once('data', () => sent.destroy());
    received.on('error', () => undefined);
  });
  sent.on('error', () => undefined);
}

describe.each(frameworks)('gzip() of streams on $name', framework => {
  it.each(['gzip', 'br'] as const)(
    'sends each chunk compressed with %s as soon as it arrives',
    async coding => {
      const gates = [gate(), gate()];
      const layer = new Layer({ middleware: [gzip(all)] });
      async function* chunks() {
        yield 'first';
        await gates[0]?.opened;
        yield 'second';
        await gates[1]?.opened;
      }
      const app = framework
        .app()
        .use(layer)
        .at(
          '/endpoint',
          endpoint({}, () => new StreamingResponse(chunks())),
        )
        .native('/native', async (_req, res) => {
          for await (const chunk of chunks()) res.write(chunk);
          res.end();
        });
      await listening(app.listener(), async (_url, port) => {
        for (const path of ['/endpoint', '/native']) {
          const { next, ended } = await piecesOf(port, path, coding);
          expect(await next()).toBe('first');
          gates[0]?.open();
          expect(await next()).toBe('second');
          gates[1]?.open();
          await ended;
          gates.splice(0, 2, gate(), gate());
        }
      });
    },
  );

  it('sends native writes at once when the length was declared', async () => {
    const more = gate();
    const body = 'b'.repeat(1000);
    const app = framework
      .app()
      .use(new Layer({ middleware: [gzip()] }))
      .native('/', async (_req, res) => {
        res.writeHead(200, { 'content-length': '2000', 'content-type': 'text/plain' });
        res.write(body);
        await more.opened;
        res.end(body);
      });
    await listening(app.listener(), async (_url, port) => {
      const { next, ended } = await piecesOf(port, '/', 'gzip');
      expect(await next()).toBe(body);
      more.open();
      expect(await next()).toBe(body);
      await ended;
    });
  });

  it('leaves a small native answer uncompressed', async () => {
    const app = framework
      .app()
      .use(new Layer({ middleware: [gzip()] }))
      .native('/empty', (_req, res) => res.end())
      .native('/small', (_req, res) => {
        res.setHeader('content-type', 'text/plain');
        res.end('small');
      })
      .native('/written', (_req, res) => {
        res.write('written');
        res.end();
      });
    await listening(app.listener(), async (_url, port) => {
      const asked = async (path: string) => {
        const { headers, text: body } = await ask(port, { path, headers: { 'accept-encoding': 'gzip' } });
        return [
          headers['content-encoding'],
          headers['content-length'],
          headers['content-encoding'] ? '' : body,
        ];
      };
      expect(await asked('/empty')).toEqual([undefined, '0', '']);
      expect(await asked('/small')).toEqual([undefined, '5', 'small']);
      expect(await asked('/written')).toEqual(['gzip', undefined, '']);
    });
  });

  it('turns a failure of the first bytes into an error response', async () => {
    async function* chunks() {
      yield text;
      throw new Error('now');
    }
    const app = framework
      .app()
      .use(new Layer({ middleware: [gzip()], onError: () => undefined }))
      .at(
        '/',
        endpoint({}, () => new StreamingResponse(chunks(), { headers: { 'content-length': '100000' } })),
      );
    await listening(app.listener(), async (_url, port) => {
      expect((await ask(port, { headers: { 'accept-encoding': 'gzip' } })).status).toBe(500);
    });
  });

  it('reports what a generator throws when it is closed', async () => {
    const told = gate<string>();
    const layer = new Layer({ middleware: [gzip()], onError: error => told.open(error.message) });
    async function* chunks() {
      try {
        for (;;) {
          yield 'more';
          await new Promise(resolve => setImmediate(resolve));
        }
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: reports the failure
        throw new Error('closing failed');
      }
    }
    const app = framework
      .app()
      .use(layer)
      .at(
        '/',
        endpoint({}, () => new StreamingResponse(chunks())),
      );
    await listening(app.listener(), async (_url, port) => {
      leaveAtFirstChunk(port);
      expect(await told.opened).toBe('closing failed');
    });
  });

  it('releases its compressor, whatever its source is waiting for', async () => {
    const told: unknown[] = [];
    const base = Object.getPrototypeOf(Object.getPrototypeOf(zlib.Gzip.prototype));
    const original = base._destroy;
    const destroyed = gate();
    const spy = jest.spyOn(base, '_destroy').mockImplementation(function (this: unknown, ...args) {
      destroyed.open();
      return Reflect.apply(original, this, args);
    });
    async function* chunks() {
      yield text;
      await new Promise(() => undefined);
    }
    const app = framework
      .app()
      .use(new Layer({ middleware: [gzip()], onError: error => told.push(error) }))
      .at(
        '/',
        endpoint({}, () => new StreamingResponse(chunks())),
      );
    await listening(app.listener(), async (_url, port) => {
      leaveAtFirstChunk(port);
      await destroyed.opened;
    });
    spy.mockRestore();
    expect(told).toEqual([]);
  });

  it('cuts the connection when a chunk fails, and reports the failure', async () => {
    const told: string[] = [];
    const layer = new Layer({ middleware: [gzip()], onError: error => told.push(error.message) });
    async function* chunks() {
      yield 'first';
      throw new Error('no second');
    }
    const app = framework
      .app()
      .use(layer)
      .at(
        '/',
        endpoint({}, () => new StreamingResponse(chunks())),
      );
    await listening(app.listener(), async (_url, port) => {
      const { failed } = await piecesOf(port, '/', 'gzip');
      expect((await failed).message).toBe('aborted');
    });
    expect(told).toEqual(['no second']);
  });

  it('closes the generator when the client leaves', async () => {
    const told: unknown[] = [];
    const closed = gate();
    async function* chunks() {
      try {
        for (;;) {
          yield 'more';
          await new Promise(resolve => setImmediate(resolve));
        }
      } finally {
        closed.open();
      }
    }
    const app = framework
      .app()
      .use(new Layer({ middleware: [gzip()], onError: error => told.push(error) }))
      .at(
        '/',
        endpoint({}, () => new StreamingResponse(chunks())),
      );
    await listening(app.listener(), async (_url, port) => {
      leaveAtFirstChunk(port);
      await closed.opened;
    });
    expect(told).toEqual([]);
  });

  it('leaves an EventSourceResponse unchanged and compresses a file', async () => {
    const app = framework
      .app()
      .use(new Layer({ middleware: [gzip({ minimumSize: 1 })] }))
      .at(
        '/events',
        endpoint({}, () => new EventSourceResponse([new ServerSentEvent({ data: 1 })])),
      )
      .at(
        '/file',
        endpoint({}, () => new FileResponse(__filename, { mediaType: 'text/plain' })),
      );
    await listening(app.listener(), async (_url, port) => {
      const headers = { 'accept-encoding': 'gzip' };
      const events = await ask(port, { path: '/events', headers });
      expect([events.headers['content-encoding'], events.text]).toEqual([undefined, 'data: 1\n\n']);
      const file = await ask(port, { path: '/file', headers });
      expect(file.headers['content-encoding']).toBe('gzip');
      expect(decoded(file)).toContain('leaves an EventSourceResponse alone');
      const part = await ask(port, { path: '/file', headers: { ...headers, range: 'bytes=0-5' } });
      expect([part.status, part.headers['content-encoding'], part.text]).toEqual([206, undefined, 'import']);
      const again = await ask(port, {
        path: '/file',
        headers: { ...headers, 'if-none-match': file.headers.etag as string },
      });
      expect([again.status, again.headers.etag, again.headers.vary]).toEqual([
        304,
        file.headers.etag,
        'Accept-Encoding',
      ]);
    });
  });

  it('runs the background task of a compressed response once', async () => {
    const ran: string[] = [];
    const done = gate();
    const background = new BackgroundTask(() => {
      ran.push('task');
      done.open();
    });
    const app = framework
      .app()
      .use(new Layer({ middleware: [gzip()] }))
      .at(
        '/',
        endpoint({}, () => new StreamingResponse([text], { background })),
      );
    await listening(app.listener(), async (_url, port) => {
      await ask(port, { headers: { 'accept-encoding': 'gzip' } });
      await done.opened;
    });
    expect(ran).toEqual(['task']);
  });
});

describe('gzip() options', () => {
  it.each([
    [{ minimumSize: -1 }, 'minimumSize'],
    [{ compressLevel: 10 }, 'compressLevel'],
    [{ brotliQuality: 12 }, 'brotliQuality'],
    [{ encodings: ['deflate'] }, 'encodings'],
    [{ encodings: 'gzip' }, 'encodings'],
    [{ excludeContentTypes: ['image'] }, 'excludeContentTypes'],
  ])('refuses %j', (options, name) => {
    expect(() => gzip(options as never)).toThrow(`The option \`${name}\` of \`gzip()\` must be `);
  });
});
