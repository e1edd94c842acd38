import { Depends, endpoint, HTTPException, Layer, StreamingResponse } from 'callnext';
import { type Session, type SessionOptions, session, sessions } from 'callnext/middleware/sessions';
import { ask, type Got, hosts } from '../support/ask.js';
import { gate } from '../support/events.js';
import { type Framework, frameworks, listening } from '../support/frameworks.js';

// Written by Starlette's signer, itsdangerous 2.1.2, at 1700000000 (2023-11-14) unless stated otherwise.
const cookies = {
  ada: 'eyJ1c2VyIjogImFkYSIsICJuIjogeyJ5IjogMX19.ZVPxAA.7oEzSCPMAJcuMBKSqvqevt8LFBs',
  unicode:
    'eyJuYW1lIjogIlx1MDBlOVx1NjU4NyIsICJsaXN0IjogWzEsIDIuNSwgbnVsbCwgdHJ1ZV19.ZVPxAA.yWyOHZQR22Cr7ZTkACVpdPptqeI',
  nan: 'eyJ4IjogTmFOfQ==.ZVPxAA.rLCj8GFaqub8lr_RgrmJPWwXj_4',
  list: 'WzFd.ZVPxAA.lZAqw6YRyrMNjk8f5PQMKWVZUfs',
  broken: 'not base64!.ZVPxAA.d4gj4NAMAoRRHaK_cEq-XYsp4HU',
  /** Written in 1970. */
  old: 'eyJ1c2VyIjogImFkYSJ9.AQ.SB8ob5hGXkw1Yg7zXNBwJQ8DIfQ',
};

type Change = (session: Session) => unknown;
type Host = { framework: Framework; isNative: boolean };

/** A client that keeps the cookies it receives. */
class Client {
  readonly #port: number;
  readonly cookies = new Map<string, string>();
  last: Got | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async ask(path: string, header?: string): Promise<unknown> {
    const cookie = header ?? [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    this.last = await ask(this.#port, { path, headers: cookie === '' ? {} : { cookie } });
    for (const line of this.last.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? [];
      if (/expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return this.last.status === 200 ? JSON.parse(this.last.text) : this.last.status;
  }

  /** The attributes of the latest cookie, in any order. */
  get attributes(): string[] {
    const [line = ''] = this.last?.headers['set-cookie'] ?? [];
    return line.split('; ').slice(1).sort();
  }
}

/** An app whose paths change the session and answer with it. */
function serving<T>(
  { framework, isNative }: Host,
  options: SessionOptions,
  changes: Record<string, Change>,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const layer = new Layer({ middleware: [sessions(options)], onError: () => undefined });
  const app = framework.app().use(layer);
  for (const [path, change] of Object.entries(changes)) {
    if (isNative) {
      app.handler(path, async answer => {
        const current = await answer.inject(Depends(session));
        await change(current);
        answer.send(JSON.parse(JSON.stringify(current)));
      });
    } else {
      app.at(
        path,
        endpoint({}, async ({ request }) => {
          await change(request.session);
          return request.session;
        }),
      );
    }
  }
  app.handler('/untouched', answer => answer.send({ untouched: true }));
  return listening(app.listener(), (_url, port) => use(new Client(port)));
}

const changes: Record<string, Change> = {
  '/set': current => {
    current.user = 'ada';
  },
  '/nested': current => {
    (current.user as unknown as Record<string, unknown>).name = 'eve';
  },
  '/deep': current => {
    current.user = { roles: [] } as never;
  },
  '/push': current => {
    (current.user as unknown as { roles: string[] }).roles.push('admin');
  },
  '/same': current => {
    current.user = 'ada';
  },
  '/delete': current => {
    delete current.user;
  },
  '/clear': current => {
    for (const name of Object.keys(current)) delete current[name];
  },
  '/undefined': current => {
    current.user = undefined;
  },
  '/look': () => undefined,
  '/fail': current => {
    current.user = 'nobody';
    throw new HTTPException(409);
  },
  '/crash': current => {
    current.user = 'nobody';
    throw new Error('unexpected');
  },
  '/large': current => {
    current.user = 'x'.repeat(4000);
  },
  '/bigint': current => {
    current.user = 1n as never;
  },
  '/proto': current => {
    current.constructor = 'mine' as never;
  },
};

const secretKey = 'secret';
/** 2023-11-14, when Starlette's cookies were written. */
const written = 1_700_000_000;

afterEach(() => {
  jest.restoreAllMocks();
});

/** Sets the clock, in seconds. */
function setTime(seconds: number): void {
  jest.spyOn(Date, 'now').mockReturnValue(seconds * 1000);
}

describe.each(hosts)('sessions() on $name', host => {
  it('keeps what is stored in it for the next request', () =>
    serving(host, { secretKey }, changes, async client => {
      expect(await client.ask('/look')).toEqual({});
      expect(await client.ask('/set')).toEqual({ user: 'ada' });
      expect(await client.ask('/look')).toEqual({ user: 'ada' });
    }));

  it('sets the cookie with the attributes of Starlette', () =>
    serving(host, { secretKey }, changes, async client => {
      await client.ask('/set');
      expect(client.attributes).toEqual(['HttpOnly', 'Max-Age=1209600', 'Path=/', 'SameSite=Lax']);
      expect(client.cookies.get('session')).toMatch(/^eyJ1c2VyIjoiYWRhIn0=\.[\w-]{6}\.[\w-]{27}$/);
    }));

  it.each([
    [{ maxAge: 60 }, ['HttpOnly', 'Max-Age=60', 'Path=/', 'SameSite=Lax']],
    [{ maxAge: 0 }, ['HttpOnly', 'Max-Age=0', 'Path=/', 'SameSite=Lax']],
    [{ maxAge: null }, ['HttpOnly', 'Path=/', 'SameSite=Lax']],
    [
      { path: '/app', domain: 'example.com' },
      ['Domain=example.com', 'HttpOnly', 'Max-Age=1209600', 'Path=/app', 'SameSite=Lax'],
    ],
    [{ sameSite: 'strict' }, ['HttpOnly', 'Max-Age=1209600', 'Path=/', 'SameSite=Strict']],
    [
      { sameSite: 'none', httpsOnly: true },
      ['HttpOnly', 'Max-Age=1209600', 'Path=/', 'SameSite=None', 'Secure'],
    ],
    [
      { partitioned: true, httpsOnly: true },
      ['HttpOnly', 'Max-Age=1209600', 'Partitioned', 'Path=/', 'SameSite=Lax', 'Secure'],
    ],
  ] as [Partial<SessionOptions>, string[]][])('sets it with %j', (options, attributes) =>
    serving(host, { secretKey, ...options }, changes, async client => {
      await client.ask('/set');
      expect(client.attributes).toEqual(attributes);
    }),
  );

  it('uses the configured cookie name', () =>
    serving(host, { secretKey, sessionCookie: 'sid' }, changes, async client => {
      await client.ask('/set');
      expect([...client.cookies.keys()]).toEqual(['sid']);
      expect(await client.ask('/look')).toEqual({ user: 'ada' });
    }));

  it('sets no cookie when nothing changed, and no vary when nobody read the session', () =>
    serving(host, { secretKey }, changes, async client => {
      await client.ask('/set');
      await client.ask('/look');
      expect([client.last?.headers['set-cookie'], client.last?.headers.vary]).toEqual([undefined, 'Cookie']);
      await client.ask('/same');
      expect(client.last?.headers['set-cookie']).toBeUndefined();
      await client.ask('/untouched');
      expect([client.last?.headers['set-cookie'], client.last?.headers.vary]).toEqual([undefined, undefined]);
    }));

  it('detects a change at any depth', () =>
    serving(host, { secretKey }, changes, async client => {
      await client.ask('/deep');
      await client.ask('/push');
      expect(client.attributes).toContain('HttpOnly');
      await client.ask('/nested');
      expect(await client.ask('/look')).toEqual({ user: { roles: ['admin'], name: 'eve' } });
    }));

  it.each(['/delete', '/clear', '/undefined'])('ends the session when it is emptied: %s', path =>
    serving(host, { secretKey }, changes, async client => {
      await client.ask('/set');
      expect(await client.ask(path)).toEqual({});
      expect(client.last?.headers['set-cookie']?.[0]).toMatch(/^session=null; /);
      expect(client.attributes).toEqual([
        'Expires=Thu, 01 Jan 1970 00:00:00 GMT',
        'HttpOnly',
        'Path=/',
        'SameSite=Lax',
      ]);
      expect(client.cookies.size).toBe(0);
    }),
  );

  it('sets no cookie when an empty session stays empty', () =>
    serving(host, { secretKey }, changes, async client => {
      await client.ask('/clear');
      expect(client.last?.headers['set-cookie']).toBeUndefined();
    }));

  it.each([
    ['changed', (value: string) => value.replace('eyJ1', 'eyJ2')],
    ['signed by another', (value: string) => value.replace(/.$/, last => (last === 'A' ? 'E' : 'A'))],
    ['given another time', (value: string) => value.replace(/\.[\w-]{6}\./, '.zzzzzz.')],
    ['cut off', (value: string) => value.slice(0, -1)],
    ['without a signature', (value: string) => value.split('.').slice(0, 2).join('.')],
    ['empty', () => ''],
    ['garbage', () => '%E0%A4%A.x.y'],
  ] as [string, (value: string) => string][])('is empty when the cookie is %s', (_name, change) =>
    serving(host, { secretKey }, changes, async client => {
      await client.ask('/set');
      client.cookies.set('session', change(client.cookies.get('session') ?? ''));
      expect(await client.ask('/look')).toEqual({});
      expect(client.last?.headers['set-cookie']).toBeUndefined();
    }),
  );

  it('is valid for the configured time and no longer', () =>
    serving(host, { secretKey, maxAge: 1_000_000_000 }, changes, async client => {
      client.cookies.set('session', cookies.ada);
      expect(await client.ask('/look')).toEqual({ user: 'ada', n: { y: 1 } });
      client.cookies.set('session', cookies.old);
      expect(await client.ask('/look')).toEqual({});
    }));

  it.each([
    [-1, {}],
    [0, { user: 'ada', n: { y: 1 } }],
    [60, { user: 'ada', n: { y: 1 } }],
    [61, {}],
  ])('is valid from the second of its signature to the end of its age: %d s later', (age, expected) =>
    serving(host, { secretKey, maxAge: 60 }, changes, async client => {
      setTime(written + age);
      client.cookies.set('session', cookies.ada);
      expect(await client.ask('/look')).toEqual(expected);
    }),
  );

  it.each<[string, (good: string) => string]>([
    ['junk before it', good => `session=junk; other=1; session=${good}`],
    ['one that is signed by another before it', good => `session=${cookies.unicode}; session=${good}`],
    ['one that is too old before it', good => `session=${cookies.old}; session=${good}`],
    ['signed content that is not a session before it', good => `session=${cookies.list}; session=${good}`],
    ['an ended one before it', good => `session=null; session=${good}`],
    ['junk behind it', good => `session=${good}; session=junk`],
    ['quotes, as Python sets it', good => `session="${good}"`],
    ['quotes and an octal escape', good => `session="${good.replace('e', '\\145')}"`],
  ])('is found with %s', (_what, headerOf) =>
    serving(host, { secretKey, maxAge: 60 }, changes, async client => {
      setTime(written);
      expect(await client.ask('/look', headerOf(cookies.ada))).toEqual({ user: 'ada', n: { y: 1 } });
    }),
  );

  it('uses the first valid one of two cookies', () =>
    serving(host, { secretKey: ['secret', 'sécret'], maxAge: null }, changes, async client => {
      const header = `session=${cookies.old}; session=${cookies.ada}`;
      expect(await client.ask('/look', header)).toEqual({ user: 'ada' });
    }));

  it('never expires when no age is set, and is valid from the start', () =>
    serving(host, { secretKey, maxAge: null }, changes, async client => {
      setTime(written - 1);
      expect(await client.ask('/look', `session=${cookies.ada}`)).toEqual({ user: 'ada', n: { y: 1 } });
      client.cookies.set('session', cookies.old);
      expect(await client.ask('/look')).toEqual({ user: 'ada' });
    }));

  it('is signed with the first secret and verified with each of them', async () => {
    const asked = (secret: string | string[], cookie: string | undefined, path: string) =>
      serving(host, { secretKey: secret }, changes, async client => {
        if (cookie !== undefined) client.cookies.set('session', cookie);
        return [await client.ask(path), client.cookies.get('session') ?? ''] as const;
      });
    const [, old] = await asked('old', undefined, '/set');
    expect((await asked(['new', 'old'], old, '/look'))[0]).toEqual({ user: 'ada' });
    const [, renewed] = await asked(['new', 'old'], old, '/deep');
    expect((await asked('new', renewed, '/look'))[0]).toEqual({ user: { roles: [] } });
    expect((await asked('old', renewed, '/look'))[0]).toEqual({});
    expect((await asked('new', old, '/look'))[0]).toEqual({});
  });

  it.each([
    ['ada', 'secret', { user: 'ada', n: { y: 1 } }],
    ['unicode', 'sécret', { name: 'é文', list: [1, 2.5, null, true] }],
    ['nan', 'secret', {}],
    ['list', 'secret', {}],
    ['broken', 'secret', {}],
  ] as const)('reads what Starlette wrote: %s', (name, secret, expected) =>
    serving(host, { secretKey: secret, maxAge: null }, changes, async client => {
      client.cookies.set('session', cookies[name]);
      expect(await client.ask('/look')).toEqual(expected);
    }),
  );

  it('is kept when a handler answered the exception, and dropped otherwise', () =>
    serving(host, { secretKey }, changes, async client => {
      expect(await client.ask('/fail')).toBe(409);
      expect(await client.ask('/look')).toEqual({ user: 'nobody' });
      client.cookies.clear();
      expect(await client.ask('/crash')).toBe(500);
      expect(client.last?.headers['set-cookie']).toBeUndefined();
    }));

  it.each(['/large', '/bigint'])('fails the request when it cannot be stored: %s', path =>
    serving(host, { secretKey }, changes, async client => {
      expect(await client.ask(path)).toBe(500);
      expect(client.last?.headers['set-cookie']).toBeUndefined();
    }),
  );

  it('accepts any property name', () =>
    serving(host, { secretKey }, changes, async client => {
      expect(await client.ask('/proto')).toEqual({ constructor: 'mine' });
      expect(await client.ask('/look')).toEqual({ constructor: 'mine' });
    }));
});

describe.each(frameworks)('sessions() on $name, elsewhere', framework => {
  it('throws on a late change: in a stream, an exit and a task', async () => {
    const told: string[] = [];
    const done = gate();
    const layer = new Layer({
      middleware: [sessions({ secretKey })],
      onError: error => told.push(`${(error as { code?: string }).code}: ${error.message}`),
    });
    async function* late({ request }: { request: { session: Session } }) {
      yield;
      request.session.exit = true;
    }
    const stream = endpoint({ late: Depends(late) }, ({ request, backgroundTasks }) => {
      backgroundTasks.addTask(() => done.open());
      const { session: current } = request;
      async function* chunks() {
        yield 'a';
        try {
          current.stream = true;
        } catch (error) {
          yield (error as { code: string }).code;
        }
      }
      return new StreamingResponse(chunks());
    });
    const app = framework.app().use(layer).at('/', stream);
    await listening(app.listener(), async (_url, port) => {
      const got = await ask(port);
      expect(got.text).toBe('aSESSION_LATE');
      expect(got.headers['set-cookie']).toBeUndefined();
    });
    expect(told[0]).toMatch(
      /^SESSION_LATE: `request\.session` was changed at "exit" after the session cookie was written\./,
    );
  });

  it('names the middleware that is missing', async () => {
    const told: Error[] = [];
    const layer = new Layer({ onError: error => told.push(error) });
    const read = (name: 'session' | 'user' | 'auth') => endpoint({}, ({ request }) => void request[name]);
    const app = framework.app().use(layer);
    const paths = ['session', 'user', 'auth'] as const;
    for (const name of paths) app.at(`/${name}`, read(name));
    layer.addExceptionHandler(Error, (_request, error) => Response.json(error.message, { status: 500 }));
    await listening(app.listener(), async (_url, port) => {
      const texts = await Promise.all(
        paths.map(async name => JSON.parse((await ask(port, { path: `/${name}` })).text)),
      );
      expect(texts).toEqual([
        '`request.session` requires the `sessions()` middleware. ' +
          'Add it: `layer.addMiddleware(sessions({ … }))`. (GET /session)',
        '`request.user` requires the `authentication()` middleware. ' +
          'Add it: `layer.addMiddleware(authentication({ … }))`. (GET /user)',
        '`request.auth` requires the `authentication()` middleware. ' +
          'Add it: `layer.addMiddleware(authentication({ … }))`. (GET /auth)',
      ]);
    });
  });

  it('keeps two sessions with different names apart, one inside the other', async () => {
    const inner = new Layer({ middleware: [sessions({ secretKey, sessionCookie: 'inner' })] });
    const app = framework
      .app()
      .use(
        new Layer({
          middleware: [
            sessions({ secretKey, sessionCookie: 'outer' }),
            async (request, callNext) => {
              request.session.where = 'outer';
              const response = await callNext(request);
              request.session.after = true;
              return response;
            },
          ],
        }),
      )
      .use(inner)
      .at(
        '/',
        endpoint({}, ({ request }) => {
          request.session.where = 'inner';
          return null;
        }),
      );
    await listening(app.listener(), async (_url, port) => {
      const client = new Client(port);
      await client.ask('/');
      const read = (name: string) =>
        JSON.parse(Buffer.from(client.cookies.get(name)?.split('.')[0] ?? '', 'base64').toString());
      expect([read('outer'), read('inner')]).toEqual([{ where: 'outer', after: true }, { where: 'inner' }]);
    });
  });
});

it('says why a session cannot be stored', async () => {
  const told: string[] = [];
  const layer = new Layer({
    middleware: [sessions({ secretKey })],
    onError: error => told.push(error.message),
  });
  const fill = endpoint({}, ({ request }) => void changes['/large']?.(request.session));
  const app = (frameworks[0] as Framework).app().use(layer).at('/', fill);
  layer.addExceptionHandler(Error, () => Response.json({}, { status: 500 }));
  await listening(app.listener(), (_url, port) => ask(port));
  expect(told).toEqual([
    'The session cookie `session` would have 5391 bytes, and browsers drop cookies over 4096 bytes. ' +
      'Keep a key in `request.session`, and store the data elsewhere. (GET /)',
  ]);
});

describe('sessions() options', () => {
  it.each([
    [{}, 'secretKey'],
    [{ secretKey: '' }, 'secretKey'],
    [{ secretKey: [] }, 'secretKey'],
    [{ secretKey: ['a', ''] }, 'secretKey'],
    [{ secretKey, sessionCookie: 'a b' }, 'sessionCookie'],
    [{ secretKey, maxAge: -1 }, 'maxAge'],
    [{ secretKey, maxAge: 'day' }, 'maxAge'],
    [{ secretKey, path: '/;' }, 'path'],
    [{ secretKey, sameSite: 'None' }, 'sameSite'],
    [{ secretKey, sameSite: 'none' }, 'httpsOnly'],
    [{ secretKey, partitioned: true }, 'httpsOnly'],
    [{ secretKey, path: 'app' }, 'path'],
    [{ secretKey, domain: 'a b' }, 'domain'],
    [{ secretKey, domain: 'localhost:3000' }, 'domain'],
    [{ secretKey, domain: 'a_b.com' }, 'domain'],
    [{ secretKey, domain: 'http://a' }, 'domain'],
    [{ secretKey, sessionCookie: '__Secure-a' }, 'httpsOnly'],
    [{ secretKey, sessionCookie: '__Host-a', httpsOnly: true, path: '/a' }, 'sessionCookie'],
  ])('refuses %j', (options, name) => {
    expect(() => sessions(options as never)).toThrow(`The option \`${name}\` of \`sessions()\` must be `);
  });

  it('never reveals the secret', () => {
    const layer = new Layer({ middleware: [sessions({ secretKey: 'hush' })] });
    expect(JSON.stringify(layer.describe()) + String(layer.describe())).not.toContain('hush');
    expect(() => sessions({ secretKey: 1 as never })).toThrow('received number `1`');
  });
});
