import path from 'node:path';
import {
  BackgroundTask,
  Depends,
  dependency,
  type Endpoint,
  EventSourceResponse,
  endpoint,
  FileResponse,
  HTMLResponse,
  HTTPException,
  type Injected,
  JSONResponse,
  type LayerOptions,
  PlainTextResponse,
  RedirectResponse,
  Response,
  ServerSentEvent,
  StreamingResponse,
  UploadFile,
} from 'callnext';
import { cors } from 'callnext/middleware/cors';
import type { Asked, Feature } from './features.js';

type Log = (entry: unknown) => void;

/** A path operation: its decorator, its function, and the decorator's dependencies. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete' | 'options';
  readonly path: string;
  readonly dependencies?: readonly Depends<unknown>[];
  readonly endpoint: Endpoint;
}

/** A feature of FastAPI's tutorial: the operations of its app, and layer options in place of `FastAPI(…)`. */
export interface TutorialFeature extends Omit<Feature<never>, 'build'> {
  readonly operations: (log: Log) => readonly Operation[];
  readonly options?: (log: Log) => LayerOptions;
}

type Handler = (given: Injected) => unknown;
type Row = [title: string, operations: (log: Log) => Operation[], more?: Partial<TutorialFeature>];

const asks = (...given: Asked[]): { asks: readonly Asked[] } => ({ asks: given });
const on = (method: Operation['method'], route: string, handle: Handler | Endpoint): Operation => ({
  method,
  path: route,
  endpoint:
    typeof handle === 'function' && !('dependencies' in handle)
      ? endpoint({}, handle as Handler)
      : (handle as Endpoint),
});
const get = (route: string, handle: Handler | Endpoint): Operation => on('get', route, handle);
const post = (route: string, handle: Handler | Endpoint): Operation => on('post', route, handle);
const sent = (method: string, type: string, body: string): Asked => [
  method,
  `Content-Type: ${type}`,
  '',
  body,
];
const json = (target: string, body: string): Asked => sent(target, 'application/json', body);

const form = (...parts: string[]): Asked => [
  'POST /',
  'Content-Type: multipart/form-data; boundary=b',
  '',
  ...parts.flatMap(part => ['--b', `Content-Disposition: form-data; ${part}`]),
  '--b--',
  '',
];
const file = (name: string, content: string): string =>
  `name="${name}"; filename="${name}.txt"\r\nContent-Type: text/plain\r\n\r\n${content}`;

class UnicornException extends Error {
  readonly unicorn: string;

  constructor(unicorn: string) {
    super(unicorn);
    this.unicorn = unicorn;
  }
}

const items: Record<string, { name: string; price: number }> = { foo: { name: 'Foo', price: 50.2 } };
const found = ({ request }: Injected): { name: string; price: number } => {
  const item = items[request.pathParams.id ?? ''];
  if (!item)
    throw new HTTPException(404, 'Item not found', { headers: { 'X-Error': 'There goes my error' } });
  return item;
};
const commonParameters = ({ request }: Injected) => ({
  q: request.queryParams.get('q'),
  skip: Number(request.queryParams.get('skip') ?? 0),
});
const verifyToken = ({ request }: Injected): void => {
  if (request.headers.get('x-token') !== 'secret') throw new HTTPException(400, 'X-Token header invalid');
};
class CommonParams {
  readonly q: string | null;

  constructor({ request }: Injected) {
    this.q = request.queryParams.get('q');
  }
}
const opened = (log: Log, name: string, catches?: (error: unknown) => unknown) =>
  async function* open() {
    log(`enter ${name}`);
    try {
      yield name;
    } catch (error) {
      throw catches?.(error) ?? error;
    } finally {
      log(`exit ${name}`);
    }
  };

const rows: Row[] = [
  ['first steps', () => [get('/', () => ({ message: 'Hello World' }))], asks('GET /', 'HEAD /', 'GET /none')],
  ['first steps: async', () => [get('/', async () => ({ message: 'Hello World' }))]],
  [
    'path parameters',
    () => [get('/items/:id', ({ request }) => ({ item_id: request.pathParams.id }))],
    asks('GET /items/3', 'GET /items/a%20b'),
  ],
  [
    'path parameters: order matters',
    () => [get('/users/me', () => 'me'), get('/users/:id', ({ request }) => request.pathParams.id)],
    asks('GET /users/me', 'GET /users/you'),
  ],
  [
    'query parameters',
    () => [
      get('/', ({ request }) => ({
        ...commonParameters({ request } as Injected),
        all: request.queryParams.getAll('q'),
      })),
    ],
    asks('GET /?skip=20&q=a&q=b', 'GET /'),
  ],
  [
    'query parameters: required',
    () => [
      get(
        '/',
        ({ request }) =>
          request.queryParams.get('needy') ?? Promise.reject(new HTTPException(422, 'Field required')),
      ),
    ],
    asks('GET /', 'GET /?needy=soy'),
  ],
  [
    'request body',
    () => [
      post('/', async ({ request }) => {
        const item = (await request.json()) as { price: number; tax: number };
        return { ...item, price_with_tax: item.price + item.tax };
      }),
    ],
    asks(json('POST /', '{"price":50,"tax":1}')),
  ],
  [
    'request body: invalid',
    () => [post('/', ({ request }) => request.json())],
    asks(json('POST /', '{'), sent('POST /', 'text/plain', '{}')),
  ],
  [
    'request body, path and query',
    () => [
      on('put', '/items/:id', async ({ request }) => [
        request.pathParams.id,
        request.queryParams.get('q'),
        await request.json(),
      ]),
    ],
    asks(json('PUT /items/1?q=x', '{"name":"Foo"}')),
  ],
  [
    'body: nested models',
    () => [post('/', async ({ request }) => ((await request.json()) as { tags: string[] }).tags)],
    asks(json('POST /', '{"tags":["a","b"],"image":{"url":"x"}}')),
  ],
  [
    'body: updates',
    () => [
      on('patch', '/items/:id', async given => ({
        ...found(given),
        ...((await given.request.json()) as object),
      })),
    ],
    asks(json('PATCH /items/foo', '{"price":1}')),
  ],
  [
    'extra data types',
    () => [get('/', () => ({ at: new Date(0), url: new URL('http://a.test'), frozen: [1, 2] }))],
  ],
  [
    'cookie parameters',
    () => [get('/', ({ request }) => ({ ads_id: request.cookies.ads_id ?? null }))],
    asks('GET /', ['GET /', 'Cookie: ads_id=foo']),
  ],
  [
    'header parameters',
    () => [get('/', ({ request }) => [request.headers.get('user-agent'), request.headers.getAll('x-token')])],
    asks(['GET /', 'User-Agent: test', 'X-Token: foo', 'X-Token: bar']),
  ],
  [
    'response model: what is returned',
    () => [
      get('/list', () => [1]),
      get('/text', () => 'x'),
      get('/null', () => null),
      get('/nothing', () => undefined),
      get('/number', () => 4.5),
    ],
    asks('GET /list', 'GET /text', 'GET /null', 'GET /nothing', 'GET /number'),
  ],
  [
    'response model: a response',
    () => [get('/', () => new JSONResponse({ message: 'Here' }, { status: 203 }))],
    asks('GET /', 'HEAD /'),
  ],
  [
    'response model: a redirect',
    () => [get('/', () => new RedirectResponse('https://www.example.com/ü'))],
    { isNull: 'a redirect has no body' },
  ],
  [
    'response model: HTML and text',
    () => [
      get(
        '/html',
        endpoint({}, () => '<p>hi</p>', { responseClass: HTMLResponse }),
      ),
      get('/text', () => new PlainTextResponse('hi')),
    ],
    asks('GET /html', 'GET /text', 'HEAD /html'),
  ],
  [
    'response status code',
    () => [
      on(
        'post',
        '/',
        endpoint({}, () => ({ name: 'x' }), { status: 201 }),
      ),
      on(
        'delete',
        '/',
        endpoint({}, () => null, { status: 204 }),
      ),
    ],
    asks('POST /', 'DELETE /'),
  ],
  [
    'a response that the endpoint is given',
    () => [
      get('/', ({ response }) => {
        response.status = 202;
        response.headers.set('X-Cat-Dog', 'alone');
        response.setCookie('fakesession', 'v');
        return {};
      }),
    ],
  ],
  [
    'form data',
    () => [post('/', async ({ request }) => ({ username: (await request.form()).get('username') }))],
    asks(sent('POST /', 'application/x-www-form-urlencoded', 'username=j&password=p')),
  ],
  [
    'form models',
    () => [post('/', async ({ request }) => Object.fromEntries((await request.form()).entries()))],
    asks(form('name="username"\r\n\r\nj', 'name="password"\r\n\r\np')),
  ],
  [
    'request files',
    () => [
      post('/', async ({ request }) => {
        const given = (await request.form()).get('file');
        return given instanceof UploadFile
          ? [given.filename, (await given.bytes()).length]
          : 'No upload file sent';
      }),
    ],
    asks(form(file('file', 'content')), form('name="other"\r\n\r\nx')),
  ],
  [
    'multiple file uploads',
    () => [
      post('/', async ({ request }) =>
        (await request.form()).getAll('files').map(each => (each as UploadFile).filename),
      ),
    ],
    asks(form(file('files', 'a'), file('files', 'b'))),
  ],
  [
    'request forms and files',
    () => [
      post('/', async ({ request }) => {
        const given = await request.form();
        return [given.get('token'), (given.get('file') as UploadFile).contentType];
      }),
    ],
    asks(form('name="token"\r\n\r\nfoo', file('file', 'a'))),
  ],
  [
    'handling errors',
    () => [get('/items/:id', found)],
    asks('GET /items/foo', 'GET /items/bar', 'HEAD /items/bar'),
  ],
  [
    'handling errors: any detail',
    () => [
      get('/', () => {
        throw new HTTPException(409, { reason: ['a', 1] });
      }),
    ],
  ],
  [
    'handling errors: a custom handler',
    () => [
      get('/unicorns/:id', ({ request }) => {
        throw new UnicornException(request.pathParams.id ?? '');
      }),
    ],
    {
      ...asks('GET /unicorns/yolo'),
      options: () => ({
        exceptionHandlers: [
          [
            UnicornException,
            (_request, error) =>
              new JSONResponse(
                { message: `Oops! ${(error as UnicornException).unicorn} did something.` },
                { status: 418 },
              ),
          ],
        ],
      }),
    },
  ],
  [
    'handling errors: the default handler is overridden',
    () => [
      get('/', () => {
        throw new HTTPException(418, "Nope! I don't like 3.");
      }),
    ],
    {
      options: () => ({
        exceptionHandlers: [
          [
            HTTPException,
            (_request, error) =>
              new PlainTextResponse(String((error as HTTPException).detail), {
                status: (error as HTTPException).status,
              }),
          ],
        ],
      }),
    },
  ],
  [
    'handling errors: a status of a handler',
    () => [
      get('/', () => {
        throw new HTTPException(404);
      }),
    ],
    {
      options: () => ({
        exceptionHandlers: [[404, () => new HTMLResponse('<h1>Nothing</h1>', { status: 404 })]],
      }),
    },
  ],
  [
    'handling errors: one that nobody handles',
    () => [
      get('/', () => {
        throw Object.assign(new Error('broken'), { stack: 'Error: broken' });
      }),
    ],
    { isPastLayer: true },
  ],
  [
    'handling errors: no content',
    () => [
      get('/', () => {
        throw new HTTPException(304);
      }),
    ],
  ],
  [
    'JSON compatible encoder',
    () => [
      get('/', () => ({
        title: 'Foo',
        timestamp: new Date(0),
        toJSON() {
          return { title: 'Bar', timestamp: new Date(1) };
        },
      })),
    ],
  ],
  [
    'dependencies',
    () => [
      get(
        '/',
        endpoint({ commons: Depends(commonParameters) }, ({ commons }) => commons),
      ),
    ],
    asks('GET /?q=foo&skip=5'),
  ],
  [
    'classes as dependencies',
    () => [
      get(
        '/',
        endpoint({ commons: Depends(given => new CommonParams(given)) }, ({ commons }) => commons),
      ),
    ],
    asks('GET /?q=foo'),
  ],
  [
    'sub-dependencies',
    () => {
      const extract = ({ request }: Injected) => request.queryParams.get('q');
      const orCookie = dependency(
        { q: Depends(extract) },
        ({ q, request }) => q ?? request.cookies.last ?? null,
      );
      return [
        get(
          '/',
          endpoint({ q: Depends(orCookie) }, ({ q }) => ({ q })),
        ),
      ];
    },
    asks('GET /?q=a', ['GET /', 'Cookie: last=b']),
  ],
  [
    'dependencies in decorators',
    () => [{ ...get('/', () => [{ item: 'Foo' }]), dependencies: [Depends(verifyToken)] }],
    asks('GET /', ['GET /', 'X-Token: secret']),
  ],
  [
    'global dependencies',
    () => [get('/', () => [{ item: 'Foo' }])],
    {
      ...asks('GET /', ['GET /', 'X-Token: secret']),
      options: () => ({ dependencies: [Depends(verifyToken)] }),
    },
  ],
  [
    'dependencies with yield',
    log => [
      get(
        '/',
        endpoint({ a: Depends(opened(log, 'a')), b: Depends(opened(log, 'b')) }, ({ a, b }) => [a, b]),
      ),
    ],
  ],
  [
    'dependencies with yield and HTTPException',
    log => [
      get(
        '/',
        endpoint({ a: Depends(opened(log, 'a', () => new HTTPException(400, 'Owner error'))) }, () => {
          throw new TypeError('owner');
        }),
      ),
    ],
  ],
  [
    'dependencies with yield: scope',
    log => [
      get(
        '/',
        endpoint({ a: Depends(opened(log, 'a'), { scope: 'function' }) }, ({ a }) => a),
      ),
    ],
  ],
  [
    'dependencies with yield: a stream',
    log => [
      get(
        '/',
        endpoint({ a: Depends(opened(log, 'a')) }, async function* ({ a }) {
          yield `${a} is `;
          log('streaming');
          yield 'open';
        }),
      ),
    ],
  ],
  [
    'security by hand',
    () => [
      get('/', ({ request }) => {
        const [, user] = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '') ?? [];
        if (!user)
          throw new HTTPException(401, 'Not authenticated', { headers: { 'WWW-Authenticate': 'Bearer' } });
        return { user };
      }),
    ],
    asks('GET /', ['GET /', 'Authorization: Bearer tobi']),
  ],
  [
    'CORS',
    () => [get('/', () => ({}))],
    {
      ...asks(
        ['GET /', 'Origin: https://a.test'],
        ['OPTIONS /', 'Origin: https://a.test', 'Access-Control-Request-Method: GET'],
        'GET /',
      ),
      options: () => ({ middleware: [cors({ allowOrigins: ['https://a.test'], allowCredentials: true })] }),
    },
  ],
  [
    'bigger applications',
    () => [
      { ...get('/items/:id', found), dependencies: [Depends(verifyToken)] },
      get('/users', () => [{ username: 'Rick' }]),
    ],
    asks('GET /users', ['GET /items/foo', 'X-Token: secret'], 'GET /items/foo'),
  ],
  [
    'background tasks',
    log => [
      post('/send/:email', ({ request, backgroundTasks }) => {
        backgroundTasks.addTask(log, `to ${request.pathParams.email}`);
        return { message: 'sent' };
      }),
    ],
    asks('POST /send/a@b'),
  ],
  [
    'background tasks: of a dependency and of a response',
    log => [
      get(
        '/',
        endpoint(
          {
            q: Depends(({ backgroundTasks }: Injected) => backgroundTasks.addTask(log, 'of the dependency')),
          },
          () => {
            const response = new JSONResponse({});
            response.background = new BackgroundTask(log, ['of the response']);
            return response;
          },
        ),
      ),
    ],
  ],
  [
    'static files',
    () => [get('/', () => new FileResponse(path.join(__dirname, '../fixtures/site/about.html')))],
    asks(
      'GET /',
      'HEAD /',
      ['GET /', 'Range: bytes=1-4'],
      ['GET /', 'If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT'],
    ),
  ],
  [
    'stream JSON Lines',
    () => [
      get(
        '/',
        endpoint({}, async function* () {
          yield { name: 'Plumbus' };
          yield { name: 'Portal Gun' };
        }),
      ),
    ],
  ],
  [
    'stream JSON Lines: a plain generator',
    () => [
      get(
        '/',
        endpoint({}, function* () {
          yield { a: 1 };
          yield null;
        }),
      ),
    ],
  ],
  [
    'stream data',
    () => [get('/', () => new StreamingResponse(['a', 'b'], { mediaType: 'text/plain' }))],
    asks('GET /', 'HEAD /'),
  ],
  [
    'server-sent events',
    () => [
      get(
        '/',
        endpoint({}, async function* ({ request }) {
          yield new ServerSentEvent({
            event: 'item',
            data: { a: 1 },
            id: String(Number(request.headers.get('last-event-id') ?? 0) + 1),
            retry: 5000,
          });
          yield new ServerSentEvent({ rawData: 'plain' });
          yield new ServerSentEvent({ comment: 'end' });
        }),
      ),
    ],
    asks('GET /', ['GET /', 'Last-Event-ID: 7']),
  ],
  [
    'server-sent events: POST',
    () => [
      post(
        '/',
        endpoint(
          {},
          async function* ({ request }) {
            yield { asked: await request.json() };
          },
          { responseClass: EventSourceResponse },
        ),
      ),
    ],
    asks(json('POST /', '{"prompt":"x"}')),
  ],
  [
    'custom response',
    () => [
      get(
        '/',
        () =>
          new Response('<?xml version="1.0"?>', { mediaType: 'application/xml', headers: { 'X-A': '1' } }),
      ),
    ],
  ],
];

/** FastAPI's tutorial (docs/en/docs/tutorial of fastapi/fastapi), without validation and OpenAPI. */
export const features: readonly TutorialFeature[] = rows.map(([title, operations, more = {}]) => ({
  asks: ['GET /'],
  isEndpoint: true,
  ...more,
  title,
  operations,
}));
