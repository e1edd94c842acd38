import { createReadStream } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import {
  Depends,
  endpoint,
  type Injected,
  JSONResponse,
  Layer,
  RedirectResponse,
  Response,
  StreamingResponse,
} from 'callnext';
import fc from 'fast-check';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

const fixture = path.join(__dirname, '../fixtures/small.txt');

describe('JSON', () => {
  const circle: Record<string, unknown> = {};
  circle.self = { circle };

  it.each<[string, unknown, string]>([
    ['NaN', { a: [1, { b: Number.NaN }] }, '`data.a[1].b`'],
    ['Infinity', Number.POSITIVE_INFINITY, '`data`'],
    ['-Infinity in a list', [Number.NEGATIVE_INFINITY], '`data[0]`'],
    ['NaN beside null', { a: null, b: Number.NaN }, '`data.b`'],
    ['a bigint', { price: 10n }, '`data.price`'],
    ['a circle', circle, 'it contains itself'],
    ['a function', () => 1, 'function'],
  ])('rejects %s and says where it is', (_what, data, place) => {
    expect(() => new JSONResponse(data)).toThrow(
      expect.objectContaining({ code: 'NOT_SERIALIZABLE', message: expect.stringContaining(place) }),
    );
  });

  it('accepts values that only look invalid', async () => {
    const data = { a: null, b: 'null', c: [undefined], d: { toJSON: () => null } };
    expect(await new JSONResponse(data).text()).toBe('{"a":null,"b":"null","c":[null],"d":null}');
  });

  it('passes on what `toJSON` throws', () => {
    const broken = {
      toJSON: () => {
        throw new RangeError('mine');
      },
    };
    expect(() => new JSONResponse(broken)).toThrow(RangeError);
  });

  it('equals the output of JSON.stringify, wherever it is read again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async data => {
        expect(await new JSONResponse(data).text()).toBe(JSON.stringify(data));
      }),
    );
  });

  it('rejects every number without a JSON form, at any depth', () => {
    const number = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    const wrapped = fc.tuple(fc.array(fc.constantFrom('list', 'object')), number);
    fc.assert(
      fc.property(wrapped, fc.jsonValue(), ([wrappers, wrong], beside) => {
        const data = wrappers.reduce<unknown>(
          (inner, kind) => (kind === 'list' ? [beside, inner] : { beside, inner }),
          wrong,
        );
        expect(() => new JSONResponse(data)).toThrow(expect.objectContaining({ code: 'NOT_SERIALIZABLE' }));
      }),
    );
  });
});

/** Asserts which host a browser visits, from pages of either scheme. */
function expectSameHost(response: Response, url: string): void {
  const { protocol, host } = new URL(url);
  const location = response.headers.get('location') ?? '';
  expect(location).toMatch(/^[ -~]*$/);
  expect(new URL(location).host).toBe(host);
  for (const page of ['http://here.example/a/b', 'https://here.example/a/b']) {
    expect(new URL(location, page)).toMatchObject({ protocol, host });
  }
}

describe('a RedirectResponse', () => {
  it.each([
    ['/a b', '/a%20b'],
    ['/é?q=ü&r=%20#x', '/%C3%A9?q=%C3%BC&r=%20#x'],
    ["https://h.example:8080/a;b,c/[1]?$x=!'()*+@", "https://h.example:8080/a;b,c/[1]?$x=!'()*+@"],
    ['/%5B%5D%25', '/%5B%5D%25'],
    ['/a"<>\\^`{|}', '/a%22%3C%3E%5C%5E%60%7B%7C%7D'],
    ['/a\r\nset-cookie: x=1', '/a%0D%0Aset-cookie:%20x=1'],
    ['/\ud800', '/%EF%BF%BD'],
    ['//other.example/', '//other.example/'],
  ])('quotes %j as Starlette does', (url, location) => {
    const response = new RedirectResponse(url);
    expect([response.status, response.headers.get('location')]).toEqual([307, location]);
  });

  it.each([
    'http://example.com\\@evil.com/',
    'http://example.com:80\\@evil.com/',
    'HTTP://EXAMPLE.com\\@evil.com',
    'http://exa\tmple.com/',
    'https:\\\\example.com\\x',
    'http:/\\example.com/a',
    'http:example.com/a',
    'https:/example.com/a',
    ' \u0000http://example.com/\n',
    'http://u:p@example.com/ü?ü#ü',
    'http://éxample.com/',
    'http://ex%61mple.com',
    'http://[::1]:80/',
    'http://0x7f.1/\\',
    'foo://a/b\\c',
    'mailto:a b@c',
    'file:///x',
  ])('sends a browser to the host of %j', url => {
    expectSameHost(new RedirectResponse(url), url);
    expectSameHost(Response.redirect(url), url);
  });

  it('sends a browser to the host of any URL', () => {
    const part = fc.constantFrom(
      ...['http:', 'https:', 'HTTP:', 'ws:', 'foo:', 'file:', '/', '//', '\\', ':', '@', '#', '?', '.', '..'],
      ...['evil.com', 'example.com', '\t', '\n', ' ', '%', '%5c', '%2f', '%00', '[::1]', ':80', ':443', 'é'],
      ...['中', '\ud800', '\u0000', '|', '^', '<', '127.1', '0x7f', 'xn--', 'u:p@', '。', '⁄', '\u00ad'],
    );
    const urls = fc.oneof(
      fc.webUrl(),
      fc
        .tuple(fc.constantFrom('http://', 'https://', ''), fc.array(part, { maxLength: 8 }))
        .map(([start, rest]) => start + rest.join('')),
      fc.string({ unit: 'binary' }),
    );
    let compared = 0;
    fc.assert(
      fc.property(urls, url => {
        const response = new RedirectResponse(url);
        expect(response.headers.get('location')).toMatch(/^[ -~]*$/);
        if (!URL.canParse(url)) return;
        compared += 1;
        expectSameHost(response, url);
      }),
      { numRuns: 5_000 },
    );
    expect(compared).toBeGreaterThan(500);
  });

  it.each([
    '/\\evil.com',
    '/\t/evil.com',
    '\\\\evil.com',
    '\\/evil.com',
    '\t//evil.com',
    ' //evil.com',
    '/\n/evil.com',
    '\u0000//evil.com',
  ])('keeps a browser on this host for the path %j', url => {
    for (const response of [new RedirectResponse(url), Response.redirect(url)]) {
      const location = response.headers.get('location') ?? '';
      expect(new URL(location, 'http://here.example/a/b').host).toBe('here.example');
    }
  });

  it('accepts another status and a URL object', () => {
    const response = new RedirectResponse(new URL('http://h.example/x'), { status: 303 });
    expect([response.status, response.headers.get('location')]).toEqual([303, 'http://h.example/x']);
  });
});

describe('cookies', () => {
  it.each<[Parameters<Response['setCookie']>, string]>([
    [['a', '1'], 'a=1; Path=/; SameSite=Lax'],
    [['a'], 'a=; Path=/; SameSite=Lax'],
    [['a', 'é; "x"'], 'a=%C3%A9%3B%20%22x%22; Path=/; SameSite=Lax'],
    [
      [
        'a',
        '1',
        {
          maxAge: 60,
          expires: new Date(0),
          path: '/p',
          domain: 'h.example',
          secure: true,
          httpOnly: true,
          sameSite: 'strict',
          partitioned: true,
          priority: 'high',
        },
      ],
      'a=1; Max-Age=60; Domain=h.example; Path=/p; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; ' +
        'Secure; Partitioned; Priority=High; SameSite=Strict',
    ],
    [['a', '1', { path: null, sameSite: null }], 'a=1'],
    [['a', '1', { sameSite: 'none', secure: true }], 'a=1; Path=/; Secure; SameSite=None'],
  ])('%j is %j', (args, line) => {
    const response = new Response();
    response.setCookie(...args);
    expect(response.headers.getSetCookie()).toEqual([line]);
  });

  it('are ended by an expired one', () => {
    const response = new Response();
    response.deleteCookie('a', { path: '/p', domain: 'h.example' });
    expect(response.headers.getSetCookie()).toEqual([
      'a=; Max-Age=0; Domain=h.example; Path=/p; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax',
    ]);
  });

  it.each<[string, Parameters<Response['setCookie']>]>([
    ['a name with a space', ['a b', '1']],
    ['a name with a line break', ['a\nb', '1']],
    ['an empty name', ['', '1']],
    ['a path with a line break', ['a', '1', { path: '/\r\n' }]],
    ['an invalid domain', ['a', '1', { domain: 'a b' }]],
    ['an age that is not a whole number', ['a', '1', { maxAge: 1.5 }]],
    ['an invalid same-site', ['a', '1', { sameSite: 'some' as never }]],
    ['an invalid date', ['a', '1', { expires: new Date(Number.NaN) }]],
  ])('with %s are rejected', (_what, args) => {
    expect(() => new Response().setCookie(...args)).toThrow(expect.objectContaining({ code: 'COOKIE' }));
  });
});

describe.each(frameworks)('responses on $name', ({ app }) => {
  const ask = (layer: Layer, target: ReturnType<typeof endpoint>, init: RequestInit = {}) =>
    listening(app().use(layer).at('/', target).listener(), async url => {
      const response = await fetch(url, { redirect: 'manual', ...init });
      const cookies = response.headers.getSetCookie();
      return { status: response.status, headers: response.headers, cookies, text: await response.text() };
    });

  function outer({ response }: Injected): void {
    response.status = 202;
    response.headers.set('x-a', 'dependency');
    response.headers.set('x-b', 'dependency');
    response.setCookie('d', '1');
  }

  it.each<[string, () => unknown, { status: number; a: string | null; b: string | null; cookies: string[] }]>(
    [
      [
        'plain data',
        () => ({ ok: true }),
        { status: 201, a: 'endpoint', b: 'dependency', cookies: ['d=1', 'e=1'] },
      ],
      [
        'a Response',
        () => new Response('x'),
        { status: 201, a: 'endpoint', b: 'dependency', cookies: ['d=1', 'e=1'] },
      ],
      [
        'a Response with values of its own',
        () =>
          new Response('x', {
            status: 203,
            headers: [
              ['x-a', 'own'],
              ['set-cookie', 'o=1'],
            ],
          }),
        { status: 203, a: 'own', b: 'dependency', cookies: ['o=1', 'd=1', 'e=1'] },
      ],
      [
        'a JSONResponse with a status of 200',
        () => new JSONResponse(1, { status: 200 }),
        { status: 200, a: 'endpoint', b: 'dependency', cookies: ['d=1', 'e=1'] },
      ],
      [
        'a redirect',
        () => new RedirectResponse('/x'),
        { status: 307, a: 'endpoint', b: 'dependency', cookies: ['d=1', 'e=1'] },
      ],
      [
        'a Fetch response',
        () => new globalThis.Response('x', { status: 206 }),
        { status: 206, a: 'endpoint', b: 'dependency', cookies: ['d=1', 'e=1'] },
      ],
      [
        'a stream',
        () => new StreamingResponse(['x']),
        { status: 201, a: 'endpoint', b: 'dependency', cookies: ['d=1', 'e=1'] },
      ],
    ],
  )('merge what was set on the injected response: %s', async (_what, make, expected) => {
    const target = endpoint({ d: Depends(outer) }, ({ response }) => {
      response.status = 201;
      response.headers.set('x-a', 'endpoint');
      response.setCookie('e', '1');
      return make();
    });
    const { status, headers, cookies } = await ask(new Layer(), target);
    const names = cookies.map(line => line.split(';', 1)[0]);
    expect({ status, a: headers.get('x-a'), b: headers.get('x-b'), cookies: names }).toEqual(expected);
  });

  it('ignore the injected response when the endpoint fails', async () => {
    const target = endpoint({ d: Depends(outer) }, () => {
      throw Object.assign(new Error('none'), { status: 404, expose: true });
    });
    const { status, headers, cookies } = await ask(new Layer(), target);
    expect([status, headers.get('x-a'), cookies]).toEqual([404, null, []]);
  });

  it('accept cookies from a middleware, also in native answers', async () => {
    const layer = new Layer();
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      response.setCookie('m', request.cookies.in ?? 'none');
      response.deleteCookie('gone');
      return response;
    });
    const native = app()
      .use(layer)
      .handler('/', answer => answer.set('set-cookie', 'n=1').send('x'));
    const lines = await listening(native.listener(), async url =>
      (await fetch(url, { headers: { cookie: 'in=%C3%A9; in=2' } })).headers.getSetCookie(),
    );
    expect(lines.map(line => line.split(';', 1)[0])).toEqual(['n=1', 'm=%C3%A9', 'gone=']);
  });

  it.each<[string, () => ConstructorParameters<typeof StreamingResponse>[0]]>([
    [
      'an async generator',
      async function* () {
        yield 'a';
        yield Buffer.from('b');
        yield 'é';
      },
    ],
    [
      'a generator',
      function* () {
        yield 'a';
        yield 'b';
        yield 'é';
      },
    ],
    ['a list', () => ['a', 'b', 'é']],
    ['a Node stream', () => Readable.from(['a', 'b', 'é'])],
    ['a Web stream', () => Readable.toWeb(Readable.from([Buffer.from('ab'), Buffer.from('é')])) as never],
  ])('stream from %s', async (_what, chunks) => {
    const { text, headers } = await ask(
      new Layer(),
      endpoint({}, () => new StreamingResponse(chunks())),
    );
    expect([text, headers.get('content-length')]).toEqual(['abé', null]);
  });

  it('stream a file', async () => {
    const { text } = await ask(
      new Layer(),
      endpoint({}, () => new StreamingResponse(createReadStream(fixture))),
    );
    expect(text.length).toBeGreaterThan(0);
  });

  it.each<[string, (log: EventLog) => ConstructorParameters<typeof StreamingResponse>[0]]>([
    [
      'an async generator',
      async function* (log) {
        try {
          for (;;) {
            yield Buffer.alloc(65_536);
            await new Promise(resolve => setImmediate(resolve));
          }
        } finally {
          log.add('closed');
        }
      },
    ],
    [
      'a Node stream',
      log =>
        new Readable({
          read() {
            this.push(Buffer.alloc(65_536));
          },
          destroy(error, done) {
            log.add('closed');
            done(error);
          },
        }),
    ],
    ['a pass-through that waits', log => new PassThrough().on('close', () => log.add('closed'))],
    [
      'a Web stream',
      log =>
        new ReadableStream({
          pull: controller => controller.enqueue(Buffer.alloc(65_536)),
          cancel: () => log.add('closed'),
        }) as never,
    ],
  ])('close %s when the client leaves', async (_what, chunks) => {
    const log = new EventLog();
    const layer = new Layer({ onError: error => log.add(error.message) });
    const target = endpoint({}, () => new StreamingResponse(chunks(log)));
    await listening(app().use(layer).at('/', target).listener(), async (_url, port) => {
      const request = http.get({ port }, () => request.destroy());
      request.on('error', () => undefined);
      await log.until('closed');
    });
    expect(log.events).toEqual(['closed']);
  });

  it('wait for a client that does not read', async () => {
    let produced = 0;
    const paused = gate();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        produced += 65_536;
        yield Buffer.alloc(65_536);
        if (produced > 64 * 1024 * 1024) paused.open();
      }
    }
    await listening(
      app()
        .use(new Layer())
        .at(
          '/',
          endpoint({}, () => new StreamingResponse(endless())),
        )
        .listener(),
      async (_url, port) => {
        const request = http.get({ port });
        const response = await new Promise<http.IncomingMessage>(resolve => request.on('response', resolve));
        response.pause();
        // Production stops: further checks show no more chunks.
        let before = -1;
        while (before !== produced) {
          before = produced;
          for (let turn = 0; turn < 200; turn += 1) await new Promise(resolve => setImmediate(resolve));
        }
        expect(produced).toBeLessThan(16 * 1024 * 1024);
        request.on('error', () => undefined).destroy();
      },
    );
  });
});
