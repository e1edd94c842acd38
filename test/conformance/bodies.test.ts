import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { endpoint, Layer, type Middleware, PlainTextResponse, Response, StreamingResponse } from 'callnext';
import { gate } from '../support/events.js';
import { type Answer, listening, mounts, type TestApp } from '../support/frameworks.js';

const file = path.join(__dirname, '../fixtures/small.txt');
const parts = ['a', 'b', 'c', 'd', 'e', 'f'];

async function* inTurns(): AsyncGenerator<string> {
  for (const part of parts) {
    await new Promise(resolve => setImmediate(resolve));
    yield part;
  }
}

const sources: [string, (app: TestApp) => TestApp][] = [
  ['a native stream', app => app.handler('/', answer => answer.send(Readable.from(inTurns())))],
  ['a native text', app => app.handler('/', answer => answer.send('abcdef'))],
  [
    'a streaming endpoint',
    app =>
      app.at(
        '/',
        endpoint({}, () => new StreamingResponse(inTurns())),
      ),
  ],
  [
    'a returned Fetch response',
    app =>
      app.at(
        '/',
        endpoint({}, () => new globalThis.Response('abcdef')),
      ),
  ],
];

describe.each(mounts)('several readers of one body on $name', ({ app }) => {
  describe.each(sources)('of %s', (_source, mount) => {
    async function read(middleware: Middleware): Promise<string> {
      return listening(mount(app().use(middleware)).listener(), async url => (await fetch(url)).text());
    }

    it('gives all of it to an unawaited reader and to the client', async () => {
      const seen = gate<string>();
      const body = await read(async (request, callNext) => {
        const response = await callNext(request);
        response.text().then(seen.open);
        return response;
      });
      expect([body, await seen.opened]).toEqual(['abcdef', 'abcdef']);
    });

    it('gives all of it to a clone, whenever it is read, and to the client', async () => {
      const seen = gate<string>();
      const body = await read(async (request, callNext) => {
        const response = await callNext(request);
        const clone = response.clone();
        setImmediate(() => clone.text().then(seen.open));
        return response;
      });
      expect([body, await seen.opened]).toEqual(['abcdef', 'abcdef']);
    });

    it('gives all of it to two streams', async () => {
      let both: string[] = [];
      await read(async (request, callNext) => {
        const response = await callNext(request);
        const texts = [response.body, response.body].map(body => new globalThis.Response(body).text());
        both = await Promise.all(texts);
        return response;
      });
      expect(both).toEqual(['abcdef', 'abcdef']);
    });

    it('gives all of it after it was read and cloned', async () => {
      const body = await read(async (request, callNext) => {
        const response = await callNext(request);
        await response.text();
        response.clone();
        return response;
      });
      expect(body).toBe('abcdef');
    });

    it.each<[string, (response: Response) => Response | Promise<Response>]>([
      [
        'of the body after it was read',
        async response => {
          await response.text();
          return new Response(response.body, response);
        },
      ],
      ['of a clone', response => response.clone()],
      [
        'by a generator that opens the body when it is asked for chunks',
        response =>
          new StreamingResponse(
            (async function* () {
              for await (const chunk of response.body ?? []) yield chunk;
            })(),
          ),
      ],
    ])('makes another response %s', async (_way, make) => {
      expect(await read(async (request, callNext) => make(await callNext(request)))).toBe('abcdef');
    });
  });

  it('gives a request body to two readers at once', async () => {
    const both = endpoint({}, ({ request }) =>
      Promise.all([request.text(), new globalThis.Response(request.body).text()]),
    );
    const body = await listening(app().at('/', both).listener(), async url =>
      (await fetch(url, { method: 'POST', body: 'abc' })).text(),
    );
    expect(body).toBe('["abc","abc"]');
  });
});

describe.each(mounts)('the forms of a body on $name', ({ app }) => {
  it('offers a request body as its own bytes, as a blob and as a form', async () => {
    const forms = endpoint({}, async ({ request }) => {
      const buffer = await request.arrayBuffer();
      const form = await request.formData();
      const blob = await request.blob();
      return [
        buffer.byteLength,
        (await request.bytes()).buffer.byteLength,
        blob.size,
        form.get('a'),
        form.get('b'),
      ];
    });
    await listening(app().at('/', forms).listener(), async url => {
      const body = new URLSearchParams({ a: '1', b: 'é' });
      const size = Buffer.byteLength(body.toString());
      expect(await (await fetch(url, { method: 'POST', body })).json()).toEqual([size, size, size, '1', 'é']);
      const multipart = new FormData();
      multipart.set('a', '2');
      multipart.set('b', 'x');
      const answer = (await (await fetch(url, { method: 'POST', body: multipart })).json()) as unknown[];
      expect(answer.slice(3)).toEqual(['2', 'x']);
    });
  });

  it('offers a native response as its own bytes', async () => {
    const sizes: number[] = [];
    const looking: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      sizes.push(
        (await response.arrayBuffer()).byteLength,
        (await response.bytes()).buffer.byteLength,
        (await response.blob()).size,
      );
      return response;
    };
    const mounted = app()
      .use(looking)
      .handler('/', answer => answer.send(Buffer.from('abc')));
    expect(await listening(mounted.listener(), async url => (await fetch(url)).text())).toBe('abc');
    expect(sizes).toEqual([3, 3, 3]);
  });
});

describe.each(mounts)('bodies that are not sent on $name', ({ app }) => {
  const source = (): { stream: Readable; closed: Promise<unknown> } => {
    const stream = createReadStream(file);
    return { stream, closed: once(stream, 'close') };
  };

  it.each<[string, RequestInit, Middleware]>([
    ['HEAD', { method: 'HEAD' }, (request, callNext) => callNext(request)],
    [
      'a status without a body',
      {},
      async (request, callNext) => {
        const response = await callNext(request);
        response.status = 304;
        return response;
      },
    ],
    [
      'another response',
      {},
      async (request, callNext) => {
        await callNext(request);
        return new PlainTextResponse('other');
      },
    ],
    [
      'an exception',
      {},
      async (request, callNext) => {
        await callNext(request);
        throw new RangeError('after');
      },
    ],
  ])('are closed: %s', async (_why, init, middleware) => {
    const { stream, closed } = source();
    const layer = new Layer({
      middleware: [middleware],
      exceptionHandlers: [[RangeError, () => new PlainTextResponse('handled')]],
    });
    await listening(
      app()
        .use(layer)
        .at(
          '/',
          endpoint({}, () => new StreamingResponse(stream)),
        )
        .listener(),
      async url => {
        await (await fetch(url, init)).text();
        await closed;
      },
    );
    expect(stream.destroyed).toBe(true);
  });

  it('cancel a Web stream that has not started', async () => {
    const cancelled = gate();
    const stream = new ReadableStream<Uint8Array>({ cancel: () => cancelled.open() }, { highWaterMark: 0 });
    const mounted = app()
      .use(async (request, callNext) => {
        await callNext(request);
        return new PlainTextResponse('other');
      })
      .at(
        '/',
        endpoint({}, () => new Response(stream)),
      );
    await listening(mounted.listener(), async url => {
      expect(await (await fetch(url)).text()).toBe('other');
      await cancelled.opened;
    });
  });

  it.each([[{ row: 1 }], [undefined], [null], [42]])('cut the connection when a chunk is %p', async chunk => {
    const errors: unknown[] = [];
    const reported = gate();
    const layer = new Layer({
      onError: error => {
        errors.push(error);
        reported.open();
      },
    });
    const bad = endpoint({}, () => new StreamingResponse(['head', chunk as unknown as string, 'tail']));
    await listening(app().use(layer).at('/', bad).listener(), async url => {
      await expect(fetch(url).then(response => response.text())).rejects.toThrow();
      await reported.opened;
    });
    expect(errors).toEqual([expect.objectContaining({ code: 'BODY_CHUNK' })]);
  });
});

describe.each(mounts)('a middleware that does not wait on $name', ({ app }) => {
  const timeout: Middleware = (request, callNext) =>
    Promise.race([
      callNext(request),
      new Promise<Response>(resolve =>
        setImmediate(() => setImmediate(() => resolve(new PlainTextResponse('timeout', { status: 504 })))),
      ),
    ]);

  const late =
    (answer: (res: Answer['res']) => void, done: () => void): ((app: TestApp) => TestApp) =>
    app =>
      app.native('/', async (_req, res) => {
        await once(res, 'finish');
        answer(res);
        done();
      });

  it.each<[string, (res: Answer['res']) => void]>([
    ['ends', res => res.end('late')],
    [
      'sets headers and ends',
      res => {
        res.statusCode = 201;
        res.setHeader('x-late', '1');
        res.end('late');
      },
    ],
    ['writes a head', res => res.writeHead(201, { 'x-late': '1' }).end('late')],
    ['destroys the response', res => res.destroy()],
  ])('leaves the connection intact when native code %s later', async (_what, answer) => {
    const done = gate();
    const mounted = late(answer, () => done.open())(app().use(timeout));
    await listening(mounted.listener(), async url => {
      const response = await fetch(url);
      expect([response.status, await response.text(), response.headers.get('x-late')]).toEqual([
        504,
        'timeout',
        null,
      ]);
      await done.opened;
      const second = await fetch(`${url}/`);
      expect([second.status, await second.text()]).toEqual([504, 'timeout']);
    });
  });
});
