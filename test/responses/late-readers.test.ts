import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import {
  Depends,
  endpoint,
  JSONResponse,
  Layer,
  type Middleware,
  Response,
  StreamingResponse,
} from 'callnext';
import { EventLog, gate } from '../support/events.js';
import { type Answer, frameworks, listening, type TestApp } from '../support/frameworks.js';

const folder = mkdtempSync(path.join(tmpdir(), 'callnext-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const parts = Array.from({ length: 20 }, (_, index) => Buffer.alloc(1000, index));

const sources: [string, (app: TestApp) => TestApp][] = [
  ['a native stream', app => app.handler('/', (answer: Answer) => answer.send(Readable.from(parts)))],
  [
    'raw writes',
    app =>
      app.native('/', (_req, res) => {
        for (const part of parts) res.write(part);
        res.end();
      }),
  ],
  [
    'an endpoint',
    app =>
      app.at(
        '/',
        endpoint({}, () => new StreamingResponse(parts)),
      ),
  ],
];

describe.each(frameworks)('a reader that is later or slower than its client on $name', ({ app }) => {
  const fetched = async (listener: Parameters<typeof listening>[0]): Promise<number> =>
    listening(listener, async url => (await (await fetch(url)).arrayBuffer()).byteLength);

  it.each(sources)('gets all of %s, however slow it is', async (_what, mount) => {
    const seen = gate<number>();
    const sent = gate();
    const copying: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      let size = 0;
      const slow = new Writable({
        highWaterMark: 1,
        write(chunk, _encoding, done) {
          size += chunk.length;
          sent.opened.then(() => setImmediate(done));
        },
      });
      pipeline(Readable.fromWeb(response.body as never), slow).then(
        () => seen.open(size),
        seen.open as never,
      );
      return response;
    };
    expect(await fetched(mount(app().use(copying)).listener())).toBe(20_000);
    sent.open();
    expect(await seen.opened).toBe(20_000);
  });

  it.each(sources)('gets all of %s on disk', async (_what, mount) => {
    const file = path.join(folder, 'copy.bin');
    const written = gate();
    const copying: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      pipeline(Readable.fromWeb(response.clone().body as never), createWriteStream(file)).then(() =>
        written.open(),
      );
      return response;
    };
    await fetched(mount(app().use(copying)).listener());
    await written.opened;
    expect(statSync(file).size).toBe(20_000);
  });

  it.each(sources)('gets all of a clone of %s, whatever happens to the response', async (_what, mount) => {
    const seen = gate<unknown>();
    const sent = gate();
    const inner: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      const clone = response.clone();
      sent.opened
        .then(() => clone.arrayBuffer())
        .then(({ byteLength }) => byteLength)
        .then(seen.open, seen.open);
      return response;
    };
    const outer: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return new Response((await response.text()).toUpperCase(), response);
    };
    await fetched(mount(app().use(outer).use(inner)).listener());
    sent.open();
    expect(await seen.opened).toBe(20_000);
  });

  it.each(sources)('learns at once in the exit of a dependency that %s is gone', async (_what, mount) => {
    const log = new EventLog();
    async function* getAudit(): AsyncGenerator<number, void, globalThis.Response> {
      const sent = yield 1;
      await sent.text().then(
        text => log.add(`read ${text.length}`),
        error => log.add(error.code),
      );
    }
    const layer = new Layer({ dependencies: [Depends(getAudit)] });
    await listening(mount(app().use(layer)).listener(), async url => {
      await (await fetch(url)).arrayBuffer();
      await layer.close();
    });
    expect(log.events).toEqual(['BODY_CONSUMED']);
  });
});

describe('JSON that is read again', () => {
  it.each<[string, () => unknown]>([
    [
      'a `toJSON` that gives itself',
      () => ({
        id: null,
        child: {
          v: 1,
          toJSON() {
            return this;
          },
        },
      }),
    ],
    [
      'a `toJSON` that knows its key',
      () => ({ n: null, d: { toJSON: (key: string) => (key === 'd' ? 1 : Number.NaN) } }),
    ],
    [
      'a `toJSON` whose result has one',
      () => ({ n: null, d: { toJSON: () => ({ v: 1, toJSON: () => Number.NaN }) } }),
    ],
    [
      'a getter that gives itself up',
      () => {
        let asked = 0;
        return {
          n: null,
          get once() {
            asked += 1;
            if (asked > 1) throw new Error('again');
            return 1;
          },
        };
      },
    ],
  ])('equals the output of JSON.stringify: %s', async (_what, make) => {
    expect(await new JSONResponse(make()).text()).toBe(JSON.stringify(make()));
  });

  it('rejects boxed values and names their place', () => {
    for (const wrong of [Object(1n), Object(Number.NaN)])
      expect(() => new JSONResponse({ a: [wrong] })).toThrow(
        expect.objectContaining({
          code: 'NOT_SERIALIZABLE',
          message: expect.stringContaining('`data.a[0]`'),
        }),
      );
  });
});

it("keeps what the platform's Headers say about their own body", () => {
  const coded = gzipSync('text');
  const headers = new globalThis.Headers({
    'content-encoding': 'gzip',
    'content-length': String(coded.length),
    etag: '"v1"',
  });
  expect([...new Response(Uint8Array.from(coded), { headers }).headers.keys()]).toEqual([
    'content-encoding',
    'content-length',
    'etag',
  ]);
  expect([...new Response(null, { headers }).headers.keys()]).toEqual([
    'content-encoding',
    'content-length',
    'etag',
  ]);
  expect([...new Response('text', { headers }).headers.keys()]).toEqual(['content-type']);
});
