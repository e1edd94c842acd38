import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import {
  BackgroundTask,
  Depends,
  endpoint,
  HTMLResponse,
  JSONResponse,
  Layer,
  type Middleware,
  PlainTextResponse,
  RedirectResponse,
  Request,
  Response,
  StreamingResponse,
} from 'callnext';
import { EventLog } from '../support/events.js';
import { type Answer, listening, mounts, type TestApp } from '../support/frameworks.js';
import { exchangeOnWire, unchunked } from '../support/wire.js';

const large = 'a long line of text\n'.repeat(20_000);

describe.each(mounts)('a middleware over native responses on $name', ({ app, isKoa }) => {
  const over = (middleware: Middleware, handle: (answer: Answer) => unknown): TestApp =>
    app().use(middleware).handler('/', handle);

  async function fetched(
    mounted: TestApp,
    init: RequestInit = {},
  ): Promise<{ status: number; headers: Headers; body: string }> {
    return listening(mounted.listener(), async url => {
      const response = await fetch(url, { redirect: 'manual', ...init });
      return { status: response.status, headers: response.headers, body: await response.text() };
    });
  }

  it('reads the text and passes the response on', async () => {
    let text = '';
    const reading: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      text = await response.text();
      expect(await response.text()).toBe(text);
      return response;
    };
    const { body } = await fetched(over(reading, answer => answer.send(large)));
    expect([text, body]).toEqual([large, large]);
  });

  it('reads a stream to its end and passes the response on', async () => {
    let length = 0;
    const counting: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      for await (const chunk of response.body ?? []) length += chunk.byteLength;
      return response;
    };
    const { body } = await fetched(over(counting, answer => answer.send(Readable.from([large, large]))));
    expect([length, body]).toEqual([large.length * 2, large + large]);
  });

  it('reads the beginning of a stream and passes on all of it', async () => {
    let first = 0;
    const peeking: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      const reader = response.body?.getReader();
      first = (await reader?.read())?.value?.byteLength ?? 0;
      return response;
    };
    const { body } = await fetched(
      over(peeking, answer => answer.send(Readable.from([large, 'the', ' end']))),
    );
    expect(first).toBeGreaterThan(0);
    expect(body).toBe(`${large}the end`);
  });

  it('transforms the body as it streams, with new framing', async () => {
    const shouting: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      const upper = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) =>
          controller.enqueue(Buffer.from(Buffer.from(chunk).toString().toUpperCase())),
      });
      return new Response(response.body?.pipeThrough(upper), response);
    };
    const mounted = over(shouting, answer => answer.set('X-Kept', 'yes').send(large));
    const { body, headers } = await fetched(mounted);
    expect(body).toBe(large.toUpperCase());
    expect(headers.get('x-kept')).toBe('yes');
    expect(headers.get('content-length')).toBeNull();
    expect(headers.get('transfer-encoding')).toBe('chunked');
  });

  it('replaces the response and keeps only what native code outside had set', async () => {
    const replacing: Middleware = async (request, callNext) => {
      await callNext(request);
      return new JSONResponse({ new: true }, { status: 202 });
    };
    const mounted = app()
      .around(
        () => undefined,
        () => undefined,
      )
      .use(replacing)
      .handler('/', answer => {
        answer.res.setHeader('Set-Cookie', 'old=1');
        answer.set('ETag', '"old"').set('Content-Encoding', 'identity').status(201).send('the old body');
      });
    const { status, headers, body } = await fetched(mounted);
    expect({ status, body, type: headers.get('content-type') }).toEqual({
      status: 202,
      body: '{"new":true}',
      type: 'application/json',
    });
    expect([headers.get('etag'), headers.get('content-encoding'), headers.get('set-cookie')]).toEqual([
      null,
      null,
      null,
    ]);
    expect(headers.get('x-powered-by')).toBe(isKoa ? null : 'Express');
    expect(headers.get('content-length')).toBe('12');
  });

  it('replaces an endless stream', async () => {
    const replacing: Middleware = async (request, callNext) => {
      await callNext(request);
      return new PlainTextResponse('enough');
    };
    const source = new Readable({ read: () => undefined });
    source.push('first');
    const { body } = await fetched(over(replacing, answer => answer.send(source)));
    expect(body).toBe('enough');
  });

  it('returns a platform Response', async () => {
    const { status, body, headers } = await fetched(
      app().use(
        () =>
          new globalThis.Response('<p>', {
            status: 203,
            headers: [
              ['set-cookie', 'a=1'],
              ['set-cookie', 'b=2'],
            ],
          }),
      ),
    );
    expect({ status, body }).toEqual({ status: 203, body: '<p>' });
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it('changes the status, and sends no body with one that has none', async () => {
    const to =
      (status: number): Middleware =>
      async (request, callNext) => {
        const response = await callNext(request);
        response.status = status;
        return response;
      };
    const created = await fetched(over(to(201), answer => answer.send('body')));
    expect([created.status, created.body]).toEqual([201, 'body']);
    const empty = await listening(over(to(204), answer => answer.send('body')).listener(), (_url, port) =>
      exchangeOnWire(port, '/'),
    );
    expect(empty.head).toMatch(/^HTTP\/1\.1 204 No Content/);
    expect(empty.head).not.toMatch(/content-length|transfer-encoding/i);
    expect(empty.body).toBe('');
  });

  it('sees the live head of the response: its status, its headers, each cookie', async () => {
    const seen: unknown[] = [];
    const looking: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      seen.push(response.status, response.ok, response.headers.get('X-A'), response.headers.getSetCookie());
      response.headers.append('set-cookie', 'c=3');
      response.headers.delete('x-a');
      expect(response).toBeInstanceOf(globalThis.Response);
      expect(request).toBeInstanceOf(globalThis.Request);
      return response;
    };
    const { headers } = await fetched(
      over(looking, answer => {
        answer.res.setHeader('Set-Cookie', ['a=1', 'b=2']);
        answer.set('X-A', '1').status(201).send('x');
      }),
    );
    expect(seen).toEqual([201, true, '1', ['a=1', 'b=2']]);
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2', 'c=3']);
    expect(headers.get('x-a')).toBeNull();
  });

  it('reads an unparsed body and lets the endpoint read it again', async () => {
    let first: unknown;
    const reading: Middleware = async (request, callNext) => {
      first = await request.json();
      return callNext(request);
    };
    const echo = endpoint({}, async ({ request }) => ({
      text: await request.text(),
      url: new URL(request.url).pathname,
    }));
    const { body } = await fetched(app().use(reading).at('/', echo), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"a":1}',
    });
    expect(first).toEqual({ a: 1 });
    expect(JSON.parse(body)).toEqual({ text: '{"a":1}', url: '/' });
  });

  it('gives everything below it the request it passed to callNext', async () => {
    const changing: Middleware = (request, callNext) =>
      callNext(new Request(request, { method: 'PUT', url: '/changed?x=1', headers: { 'x-new': 'yes' } }));
    const { body } = await fetched(
      over(changing, ({ req, send }) =>
        send(`${req.method} ${req.url} ${req.headers['x-new']} ${req.headers.host}`),
      ),
    );
    expect(body).toBe('PUT /changed?x=1 yes undefined');
    const echo = endpoint({}, ({ request }) => [
      request.method,
      request.queryParams.get('x'),
      request.headers.get('x-new'),
    ]);
    expect((await fetched(app().use(changing).at('/', echo))).body).toBe('["PUT","1","yes"]');
  });

  it('keeps AsyncLocalStorage stores in native code, endpoints, dependencies, exits and tasks', async () => {
    const storage = new AsyncLocalStorage<string>();
    const log = new EventLog();
    const stored: Middleware = (request, callNext) => storage.run('kept', () => callNext(request));
    async function* getDb() {
      log.add(`enter ${storage.getStore()}`);
      yield 1;
      log.add(`exit ${storage.getStore()}`);
    }
    const read = endpoint({ db: Depends(getDb) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add(`task ${storage.getStore()}`));
      return storage.getStore();
    });
    const mounted = app()
      .use(stored)
      .at('/endpoint', read)
      .handler('/', answer => answer.send(`native ${storage.getStore()}`));
    await listening(mounted.listener(), async url => {
      expect(await (await fetch(`${url}/endpoint`)).text()).toBe('"kept"');
      await log.until('task kept');
      expect(await (await fetch(`${url}/native`)).text()).toBe('native kept');
    });
    expect(log.events).toEqual(['enter kept', 'exit kept', 'task kept']);
  });
});

describe.each(mounts)('responses of an endpoint on $name', ({ app }) => {
  const answered = (result: () => unknown) =>
    listening(app().at('/', endpoint({}, result)).listener(), (_url, port) => exchangeOnWire(port, '/'));
  const head = (text: string): string[] =>
    text
      .split('\r\n')
      .slice(1)
      .filter(line => !/^(x-powered-by|connection)/i.test(line))
      .map(line => line.toLowerCase())
      .sort();

  it.each<[string, () => unknown, string, string[], string]>([
    [
      'plain data',
      () => ({ a: [1] }),
      '200 OK',
      ['content-length: 9', 'content-type: application/json'],
      '{"a":[1]}',
    ],
    ['nothing', () => undefined, '200 OK', ['content-length: 4', 'content-type: application/json'], 'null'],
    [
      'a string',
      () => 'é',
      '200 OK',
      ['content-length: 4', 'content-type: application/json'],
      Buffer.from('"é"').toString('latin1'),
    ],
    [
      'HTML',
      () => new HTMLResponse('<p>'),
      '200 OK',
      ['content-length: 3', 'content-type: text/html; charset=utf-8'],
      '<p>',
    ],
    [
      'text',
      () => new PlainTextResponse('t'),
      '200 OK',
      ['content-length: 1', 'content-type: text/plain; charset=utf-8'],
      't',
    ],
    ['bytes', () => new Response(new Uint8Array([1, 2])), '200 OK', ['content-length: 2'], '\x01\x02'],
    [
      'a redirect',
      () => new RedirectResponse('/ä b?x=%20'),
      '307 Temporary Redirect',
      ['content-length: 0', 'location: /%c3%a4%20b?x=%20'],
      '',
    ],
    ['204', () => new Response(null, { status: 204 }), '204 No Content', [], ''],
    [
      'a stream',
      () => new StreamingResponse(['a', 'b'], { mediaType: 'text/csv' }),
      '200 OK',
      ['content-type: text/csv', 'transfer-encoding: chunked'],
      'ab',
    ],
    [
      'a form',
      () => new Response(new URLSearchParams({ a: '1' })),
      '200 OK',
      ['content-length: 3', 'content-type: application/x-www-form-urlencoded;charset=utf-8'],
      'a=1',
    ],
    [
      'a status text',
      () => new Response('x', { statusText: 'Fine' }),
      '200 Fine',
      ['content-length: 1', 'content-type: text/plain;charset=utf-8'],
      'x',
    ],
  ])('%s', async (_title, result, status, headers, body) => {
    const sent = await answered(result);
    expect(sent.head.split('\r\n')[0]).toBe(`HTTP/1.1 ${status}`);
    const isChunked = headers.includes('transfer-encoding: chunked');
    const received = isChunked ? unchunked(sent.body) : sent.body;
    expect({ headers: head(sent.head), body: received }).toEqual({ headers, body });
  });

  it('cuts the connection when a stream breaks its content-length', async () => {
    const errors: Error[] = [];
    const layer = new Layer({ onError: error => errors.push(error) });
    const short = endpoint({}, () => new StreamingResponse(['abc'], { headers: { 'content-length': '5' } }));
    await listening(app().use(layer).at('/', short).listener(), async url => {
      await expect(fetch(url).then(response => response.text())).rejects.toThrow();
    });
    expect(errors).toEqual([expect.objectContaining({ code: 'CONTENT_LENGTH' })]);
  });

  it('closes an endless generator when the client leaves, then exits and runs the tasks', async () => {
    const log = new EventLog();
    async function* getDb() {
      yield 1;
      log.add('exit');
    }
    async function* ticks() {
      try {
        for (;;) yield large;
      } finally {
        log.add('closed');
      }
    }
    const stream = endpoint(
      { db: Depends(getDb) },
      () => new StreamingResponse(ticks(), { background: new BackgroundTask(() => log.add('task')) }),
    );
    await listening(
      app()
        .use((request, callNext) => callNext(request))
        .at('/', stream)
        .listener(),
      async url => {
        const controller = new AbortController();
        const response = await fetch(url, { signal: controller.signal });
        await response.body?.getReader().read();
        controller.abort();
        await log.until('task');
      },
    );
    expect(log.events).toEqual(['closed', 'exit', 'task']);
  });
});
