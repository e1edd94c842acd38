import { endpoint, HTTPException, Layer } from 'callnext';
import { type CorsOptions, cors } from 'callnext/middleware/cors';
import { type Answering, ask, askThrough, hosts } from '../support/ask.js';
import { frameworks, listening } from '../support/frameworks.js';

interface Case {
  readonly title: string;
  readonly options: CorsOptions;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly below?: Answering;
  readonly status?: number;
  readonly text?: string;
  /** All CORS headers of the response, and `vary`. */
  readonly expected: Record<string, string>;
}

const origin = 'https://app.example';
const preflightVary =
  'Origin, Access-Control-Request-Method, Access-Control-Request-Headers, ' +
  'Access-Control-Request-Private-Network';
const allowedNames = 'Accept, Accept-Language, Content-Language, Content-Type, X-A, X-B';
const safelisted = 'Accept, Accept-Language, Content-Language, Content-Type';
const vary = { vary: 'Origin' };
const allowOrigin = (value = origin) => ({ 'access-control-allow-origin': value });
const credentials = { 'access-control-allow-credentials': 'true' };

/** The headers of every preflight answer. */
function preflight(
  others: Record<string, string | undefined> = {},
  methods = 'GET',
  headers: string | undefined = safelisted,
): Record<string, string> {
  const all = {
    vary: preflightVary,
    'access-control-allow-methods': methods,
    'access-control-max-age': '600',
    'access-control-allow-headers': headers,
    ...others,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as never;
}

function asking(method = 'GET', others: Record<string, string> = {}): Pick<Case, 'method' | 'headers'> {
  return { method: 'OPTIONS', headers: { origin, 'access-control-request-method': method, ...others } };
}

const listed = { allowOrigins: [origin] };
const anyOrigin = { allowOrigins: ['*'] };
const ok = { status: 200, text: 'OK' };
const refused = (what: string) => ({ status: 400, text: `Disallowed CORS ${what}` });

const simple: Case[] = [
  { title: 'a request without an origin gets only vary', options: listed, expected: vary },
  {
    title: 'a listed origin is mirrored',
    options: listed,
    headers: { origin },
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'an origin that is not listed gets the answer without the header that lets a script read it',
    options: listed,
    headers: { origin: 'https://evil.example' },
    expected: vary,
  },
  { title: 'nothing is allowed unless set', options: {}, headers: { origin }, expected: vary },
  {
    title: 'an origin is compared with its port',
    options: listed,
    headers: { origin: `${origin}:8443` },
    expected: vary,
  },
  {
    title: 'an origin is compared with its scheme',
    options: listed,
    headers: { origin: 'http://app.example' },
    expected: vary,
  },
  {
    title: 'an origin is compared with its case',
    options: listed,
    headers: { origin: 'https://APP.example' },
    expected: vary,
  },
  {
    title: 'a list has several',
    options: { allowOrigins: ['https://a.example', origin] },
    headers: { origin },
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'any origin is answered by a star',
    options: anyOrigin,
    headers: { origin },
    expected: { ...vary, ...allowOrigin('*') },
  },
  {
    title: 'any origin with a cookie is still answered by a star',
    options: anyOrigin,
    headers: { origin, cookie: 'a=1' },
    expected: { ...vary, ...allowOrigin('*') },
  },
  {
    title: 'any origin with credentials is mirrored',
    options: { ...anyOrigin, allowCredentials: true },
    headers: { origin },
    expected: { ...vary, ...allowOrigin(), ...credentials },
  },
  {
    title: 'a listed origin with credentials gets both headers',
    options: { ...listed, allowCredentials: true },
    headers: { origin },
    expected: { ...vary, ...allowOrigin(), ...credentials },
  },
  {
    title: 'an unlisted origin gets the credentials header only',
    options: { ...listed, allowCredentials: true },
    headers: { origin: 'https://evil.example' },
    expected: { ...vary, ...credentials },
  },
  {
    title: 'headers are exposed',
    options: { ...listed, exposeHeaders: ['X-Total', 'X-Page'] },
    headers: { origin },
    expected: { ...vary, ...allowOrigin(), 'access-control-expose-headers': 'X-Total, X-Page' },
  },
  {
    title: 'headers are not exposed where there is no origin',
    options: { ...listed, exposeHeaders: ['X-Total'] },
    expected: vary,
  },
  {
    title: 'a pattern matches as a whole',
    options: { allowOriginRegex: 'https://.*\\.example' },
    headers: { origin },
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'a pattern does not match a part',
    options: { allowOriginRegex: /https:\/\/app\.example/ },
    headers: { origin: 'https://app.example.evil.net' },
    expected: vary,
  },
  {
    title: 'a pattern with alternatives matches as a whole',
    options: { allowOriginRegex: /https:\/\/a\.example|https:\/\/b\.example/ },
    headers: { origin: 'https://a.example.evil.net' },
    expected: vary,
  },
  {
    title: 'a pattern keeps its flags, and no state',
    options: { allowOriginRegex: /HTTPS:\/\/APP\.EXAMPLE/gi },
    headers: { origin },
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'a pattern stands beside a list',
    options: { allowOrigins: ['https://a.example'], allowOriginRegex: 'https://app\\.example' },
    headers: { origin },
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'what the app has said itself is written over',
    options: listed,
    headers: { origin },
    below: { headers: { 'access-control-allow-origin': '*' } },
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'vary of the app stays',
    options: listed,
    headers: { origin },
    below: { headers: { vary: 'Accept-Language' } },
    expected: { vary: 'Accept-Language, Origin', ...allowOrigin() },
  },
  {
    title: 'vary names the origin once',
    options: listed,
    headers: { origin },
    below: { headers: { vary: 'origin' } },
    expected: { vary: 'origin', ...allowOrigin() },
  },
  {
    title: 'vary of everything is left alone',
    options: listed,
    headers: { origin },
    below: { headers: { vary: '*' } },
    expected: { vary: '*', ...allowOrigin() },
  },
  {
    title: 'a response of 404 has the headers',
    options: listed,
    headers: { origin },
    below: { status: 404 },
    status: 404,
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'a response of 500 has the headers',
    options: listed,
    headers: { origin },
    below: { status: 500 },
    status: 500,
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'a streamed response has the headers',
    options: listed,
    headers: { origin },
    below: { chunks: ['an', 'swer'] },
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'a POST is no preflight',
    options: listed,
    method: 'POST',
    headers: { origin, 'access-control-request-method': 'GET' },
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'the origin null is allowed where it is listed',
    options: { allowOrigins: ['null'] },
    headers: { origin: 'null' },
    expected: { ...vary, ...allowOrigin('null') },
  },
  {
    title: 'the origin null is not allowed otherwise',
    options: listed,
    headers: { origin: 'null' },
    expected: vary,
  },
  {
    title: 'an origin of an app is allowed where it is listed',
    options: { allowOrigins: ['capacitor://localhost'] },
    headers: { origin: 'capacitor://localhost' },
    expected: { ...vary, ...allowOrigin('capacitor://localhost') },
  },
];

const preflights: Case[] = [
  {
    title: 'OPTIONS without a requested method goes to the app',
    options: listed,
    method: 'OPTIONS',
    headers: { origin },
    expected: { ...vary, ...allowOrigin() },
  },
  {
    title: 'OPTIONS without an origin goes to the app',
    options: listed,
    method: 'OPTIONS',
    headers: { 'access-control-request-method': 'GET' },
    expected: vary,
  },
  {
    title: 'a preflight is answered',
    options: listed,
    ...asking(),
    ...ok,
    expected: preflight(allowOrigin()),
  },
  {
    title: 'a preflight for any origin is answered by a star',
    options: anyOrigin,
    ...asking(),
    ...ok,
    expected: preflight(allowOrigin('*')),
  },
  {
    title: 'a preflight for any origin with credentials is mirrored',
    options: { ...anyOrigin, allowCredentials: true },
    ...asking(),
    ...ok,
    expected: preflight({ ...allowOrigin(), ...credentials }),
  },
  {
    title: 'an origin that is not listed is refused',
    options: { allowOrigins: ['https://a.example'] },
    ...asking(),
    ...refused('origin'),
    expected: preflight(),
  },
  {
    title: 'a method that is not listed is refused, with the origin',
    options: listed,
    ...asking('POST'),
    ...refused('method'),
    expected: preflight(allowOrigin()),
  },
  {
    title: 'a method in lower case is another one',
    options: { ...listed, allowMethods: ['POST'] },
    ...asking('post'),
    ...refused('method'),
    expected: preflight(allowOrigin(), 'POST'),
  },
  {
    title: 'methods are sent as they are listed',
    options: { ...listed, allowMethods: ['PUT', 'GET'] },
    ...asking('PUT'),
    ...ok,
    expected: preflight(allowOrigin(), 'PUT, GET'),
  },
  {
    title: 'all methods are those that are common',
    options: { ...listed, allowMethods: ['*'] },
    ...asking('QUERY'),
    ...ok,
    expected: preflight(allowOrigin(), 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY'),
  },
  {
    title: 'all methods are not any method',
    options: { ...listed, allowMethods: ['*'] },
    ...asking('BREW'),
    ...refused('method'),
    expected: preflight(allowOrigin(), 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY'),
  },
  {
    title: 'a safelisted header needs no listing',
    options: listed,
    ...asking('GET', { 'access-control-request-headers': 'content-type' }),
    ...ok,
    expected: preflight(allowOrigin()),
  },
  {
    title: 'a header that is not listed is refused',
    options: listed,
    ...asking('GET', { 'access-control-request-headers': 'x-token' }),
    ...refused('headers'),
    expected: preflight(allowOrigin()),
  },
  {
    title: 'headers are listed among the safelisted ones, sorted, and compared without their case',
    options: { ...listed, allowHeaders: ['X-Token', 'Authorization'] },
    ...asking('GET', { 'access-control-request-headers': 'x-TOKEN ,  authorization' }),
    ...ok,
    expected: preflight(
      allowOrigin(),
      'GET',
      'Accept, Accept-Language, Authorization, Content-Language, Content-Type, X-Token',
    ),
  },
  {
    title: 'one bad header of several is enough',
    options: { ...listed, allowHeaders: ['X-Token'] },
    ...asking('GET', { 'access-control-request-headers': 'x-token, x-other' }),
    ...refused('headers'),
    expected: preflight(
      allowOrigin(),
      'GET',
      'Accept, Accept-Language, Content-Language, Content-Type, X-Token',
    ),
  },
  {
    title: 'all headers are mirrored as they were asked for',
    options: { ...listed, allowHeaders: ['*'] },
    ...asking('GET', { 'access-control-request-headers': 'X-One,x-two' }),
    ...ok,
    expected: preflight({ ...allowOrigin(), 'access-control-allow-headers': 'X-One,x-two' }),
  },
  {
    title: 'all headers are not named where none were asked for',
    options: { ...listed, allowHeaders: ['*'] },
    ...asking(),
    ...ok,
    expected: preflight({ ...allowOrigin(), 'access-control-allow-headers': undefined }),
  },
  {
    title: 'a private network is refused unless allowed',
    options: listed,
    ...asking('GET', { 'access-control-request-private-network': 'true' }),
    ...refused('private-network'),
    expected: preflight(allowOrigin()),
  },
  {
    title: 'a private network is allowed where it is',
    options: { ...listed, allowPrivateNetwork: true },
    ...asking('GET', { 'access-control-request-private-network': 'true' }),
    ...ok,
    expected: preflight({ ...allowOrigin(), 'access-control-allow-private-network': 'true' }),
  },
  ...['', ' ', ',', 'X-A,,x-b', ', x-a ,, X-B,'].map(names => ({
    title: `the empty elements of ${JSON.stringify(names)} are not names of headers`,
    options: { ...listed, allowHeaders: ['X-A', 'X-B'] },
    ...asking('GET', { 'access-control-request-headers': names }),
    ...ok,
    expected: preflight({ ...allowOrigin(), 'access-control-allow-headers': allowedNames }),
  })),
  {
    title: 'blank names are not mirrored where any header is allowed',
    options: { ...listed, allowHeaders: ['*'] },
    ...asking('GET', { 'access-control-request-headers': ' , ' }),
    ...ok,
    expected: preflight({ ...allowOrigin(), 'access-control-allow-headers': undefined }),
  },
  {
    title: 'a name that is not allowed is refused among empty ones',
    options: listed,
    ...asking('GET', { 'access-control-request-headers': ',x-a,' }),
    ...refused('headers'),
    expected: preflight(allowOrigin()),
  },
  {
    title: 'a private network is not spoken of where it is not asked for',
    options: { ...listed, allowPrivateNetwork: true },
    ...asking(),
    ...ok,
    expected: preflight(allowOrigin()),
  },
  {
    title: 'all that is wrong is named, in one order',
    options: {},
    ...asking('PUT', {
      'access-control-request-private-network': 'true',
      'access-control-request-headers': 'x-a',
    }),
    ...refused('origin, method, headers, private-network'),
    expected: preflight(),
  },
  {
    title: 'the answer is good for as long as is set',
    options: { ...listed, maxAge: 5 },
    ...asking(),
    ...ok,
    expected: preflight({ ...allowOrigin(), 'access-control-max-age': '5' }),
  },
  {
    title: 'a preflight does not expose headers',
    options: { ...listed, exposeHeaders: ['X-Total'] },
    ...asking(),
    ...ok,
    expected: preflight(allowOrigin()),
  },
  {
    title: 'a preflight by a pattern is mirrored',
    options: { allowOriginRegex: /https:\/\/[a-z]+\.example/ },
    ...asking(),
    ...ok,
    expected: preflight(allowOrigin()),
  },
];

function ofCors(headers: Record<string, unknown>): Record<string, unknown> {
  const isOfCors = (name: string) => name === 'vary' || name.startsWith('access-control-');
  return Object.fromEntries(Object.entries(headers).filter(([name]) => isOfCors(name)));
}

describe.each(hosts)('cors() on $name', host => {
  it.each([...simple, ...preflights])(
    '$title',
    async ({ options, method, headers = {}, below = {}, ...row }) => {
      const asked = { method: method ?? 'GET', headers };
      const got = await askThrough(host, [cors(options)], below, asked);
      expect(got.status).toBe(row.status ?? 200);
      if (row.text !== undefined) {
        expect(got.text).toBe(row.text);
        expect(got.headers['content-type']).toBe('text/plain; charset=utf-8');
      } else if (method !== 'HEAD') expect(got.text).toBe('answer');
      expect(ofCors(got.headers)).toEqual(row.expected);
    },
  );
});

describe.each(frameworks)('cors() on $name when the request fails', framework => {
  const answer = async (fail: () => never, outer: 'handler' | 'page' = 'page') => {
    const layer = new Layer({
      middleware: [cors({ ...listed, allowCredentials: true })],
      onError: () => undefined,
    });
    if (outer === 'handler')
      layer.addExceptionHandler(Error, () => Response.json({ detail: 'Oh' }, { status: 500 }));
    const app = framework.app().use(layer).at('/endpoint', endpoint({}, fail)).handler('/native', fail);
    return listening(app.listener(), async (_url, port) => [
      await ask(port, { path: '/endpoint', headers: { origin } }),
      await ask(port, { path: '/native', headers: { origin } }),
    ]);
  };

  it('sets its headers on a 500 page of the framework', async () => {
    for (const got of await answer(() => {
      throw new Error('unexpected');
    })) {
      expect(got.status).toBe(500);
      expect(ofCors(got.headers)).toEqual({ ...vary, ...allowOrigin(), ...credentials });
    }
  });

  it('sets its headers on a 500 of a handler outside all middleware', async () => {
    for (const got of await answer(() => {
      throw new Error('unexpected');
    }, 'handler')) {
      expect([got.status, got.text]).toEqual([500, '{"detail":"Oh"}']);
      expect(ofCors(got.headers)).toEqual({ ...vary, ...allowOrigin(), ...credentials });
    }
  });

  it('sets its headers on the answer to an HTTPException', async () => {
    for (const got of await answer(() => {
      throw new HTTPException(409, 'Conflict');
    })) {
      expect([got.status, got.text]).toEqual([409, '{"detail":"Conflict"}']);
      expect(ofCors(got.headers)).toEqual({ ...vary, ...allowOrigin(), ...credentials });
    }
  });

  it('adds no credentials header to an origin that an inner cors() allowed', async () => {
    const app = framework
      .app()
      .use(
        new Layer({
          middleware: [cors({ allowOrigins: ['https://admin.example'], allowCredentials: true })],
        }),
      )
      .use(new Layer({ middleware: [cors({ allowOrigins: [origin] })] }))
      .at(
        '/',
        endpoint({}, () => 'fine'),
      );
    const got = await listening(app.listener(), (_url, port) => ask(port, { headers: { origin } }));
    expect(ofCors(got.headers)).toEqual({ ...vary, ...allowOrigin() });
  });

  it('sets its headers when an outer middleware fails', async () => {
    const layer = new Layer({ middleware: [cors(listed)], onError: () => undefined });
    layer.addMiddleware(async (request, callNext) => {
      await callNext(request);
      throw new Error('too bad');
    });
    const app = framework
      .app()
      .use(layer)
      .at(
        '/',
        endpoint({}, () => 'fine'),
      );
    const got = await listening(app.listener(), (_url, port) => ask(port, { headers: { origin } }));
    expect([got.status, ofCors(got.headers)]).toEqual([500, { ...vary, ...allowOrigin() }]);
  });
});

describe('cors() options', () => {
  const message = (options: object): string => {
    try {
      cors(options);
    } catch (thrown) {
      return (thrown as Error).message;
    }
    return 'nothing';
  };

  it.each([
    [{ allowOrigins: '*' }, 'allowOrigins'],
    [{ allowOrigins: ['https://app.example/'] }, 'allowOrigins'],
    [{ allowOrigins: ['https://app.example/path'] }, 'allowOrigins'],
    [{ allowOrigins: ['https://app.example:443'] }, 'allowOrigins'],
    [{ allowOrigins: ['https://App.example'] }, 'allowOrigins'],
    [{ allowOrigins: ['app.example'] }, 'allowOrigins'],
    [{ allowOrigins: ['https://*.example'] }, 'allowOrigins'],
    [{ allowOrigins: ['https://münchen.example'] }, 'allowOrigins'],
    [{ allowOrigins: [undefined] }, 'allowOrigins'],
    [{ allowMethods: ['GET, POST'] }, 'allowMethods'],
    [{ allowHeaders: ['x token'] }, 'allowHeaders'],
    [{ exposeHeaders: ['x:token'] }, 'exposeHeaders'],
    [{ allowCredentials: 'yes' }, 'allowCredentials'],
    [{ allowOriginRegex: '(' }, 'allowOriginRegex'],
    [{ allowOriginRegex: 1 }, 'allowOriginRegex'],
    [{ allowPrivateNetwork: 1 }, 'allowPrivateNetwork'],
    [{ maxAge: -1 }, 'maxAge'],
    [{ maxAge: 1.5 }, 'maxAge'],
  ])('refuses %j', (options, name) => {
    expect(message(options)).toContain(`The option \`${name}\` of \`cors()\` must be `);
  });

  it('rejects an unknown option, such as one in Python spelling', () => {
    expect(message({ allow_origins: ['*'] })).toBe(
      '`cors()` has no option `allow_origins`. Did you mean `allowOrigins`? Its options are ' +
        '`allowOrigins`, `allowMethods`, `allowHeaders`, `allowCredentials`, `allowOriginRegex`, ' +
        '`allowPrivateNetwork`, `exposeHeaders`, `maxAge`.',
    );
  });
});
