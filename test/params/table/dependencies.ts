// tutorial/dependencies, with parameters of dependencies, and tutorial/handling-errors
import {
  Depends,
  dependency,
  endpoint,
  HTTPException,
  JSONResponse,
  Layer,
  PlainTextResponse,
} from 'callnext';
import { Body, Cookie, Header, Path, Query, RequestValidationError } from 'callnext/params';
import { z } from 'zod';
import { boolParsing, intParsing, listType, missing } from './expected.js';
import { answers, get, json, type Page, post, type Row, refuses } from './page.js';

const optionalText = z.string().nullable().default(null);

const commons = Depends(
  dependency(
    { q: Query(optionalText), skip: Query(z.int().default(0)), limit: Query(z.int().default(100)) },
    ({ q, skip, limit }) => ({ q, skip, limit }),
  ),
);
const extracted = dependency({ q: Query(optionalText) }, ({ q }) => q);
const queryOrCookie = dependency(
  { q: Depends(extracted), last_query: Cookie(optionalText) },
  ({ q, last_query }) => q || last_query,
);
const verifyToken = dependency({ x_token: Header() }, ({ x_token }) => {
  if (x_token !== 'fake-super-secret-token') throw new HTTPException(400, 'X-Token header invalid');
});
const verifyKey = dependency({ x_key: Header() }, ({ x_key }) => {
  if (x_key !== 'fake-super-secret-key') throw new HTTPException(400, 'X-Key header invalid');
  return x_key;
});
const guards = [Depends(verifyToken), Depends(verifyKey)] as const;
const containing = (fixed: string) =>
  dependency({ q: Query(z.string().default('')) }, ({ q }) => q.includes(fixed));

const token = { 'x-token': 'fake-super-secret-token' };
const key = { 'x-key': 'fake-super-secret-key' };

export const dependencies: Page = {
  name: 'dependencies with parameters',
  routes: [
    ['get', '/items', endpoint({ commons }, ({ commons }) => commons)],
    [
      'get',
      '/paged/:page',
      endpoint(
        { page: Path(z.int()), commons, isFull: Query(z.boolean().default(false), { alias: 'full' }) },
        given => [given.page, given.commons.skip, given.isFull],
      ),
    ],
    ['get', '/sub', endpoint({ found: Depends(queryOrCookie) }, ({ found }) => ({ q_or_cookie: found }))],
    ['get', '/guarded', ...guards, endpoint({}, () => [{ item: 'Foo' }])],
    [
      'get',
      '/declared',
      endpoint({ token: guards[0], key: guards[1], limit: Query(z.int()) }, ({ limit }) => limit),
    ],
    ['get', '/checked', endpoint({ isFixed: Depends(containing('bar')) }, ({ isFixed }) => ({ isFixed }))],
  ],
  rows: [
    answers(get('/items'), { q: null, skip: 0, limit: 100 }),
    answers(get('/items?q=foo&skip=5&limit=30'), { q: 'foo', skip: 5, limit: 30 }),
    refuses(
      get('/items?skip=a&limit=b'),
      intParsing(['query', 'skip'], 'a'),
      intParsing(['query', 'limit'], 'b'),
    ),
    answers(get('/paged/2?skip=1&full=yes'), [2, 1, true]),
    refuses(
      get('/paged/two?full=2&skip=x'),
      intParsing(['query', 'skip'], 'x'),
      intParsing(['path', 'page'], 'two'),
      boolParsing(['query', 'full'], '2'),
    ),
    answers(get('/sub', { cookie: 'last_query=from_cookie' }), { q_or_cookie: 'from_cookie' }),
    answers(get('/sub?q=foo', { cookie: 'last_query=from_cookie' }), { q_or_cookie: 'foo' }),
    answers(get('/sub'), { q_or_cookie: null }),
    answers(get('/guarded', { ...token, ...key }), [{ item: 'Foo' }]),
    [get('/guarded', { 'x-token': 'invalid' }), 400, { detail: 'X-Token header invalid' }],
    [get('/guarded', { ...token, 'x-key': 'invalid' }), 400, { detail: 'X-Key header invalid' }],
    answers(get('/declared?limit=5', { ...token, ...key }), 5),
    refuses(
      get('/declared?limit=x'),
      missing(['header', 'x-token']),
      missing(['header', 'x-key']),
      intParsing(['query', 'limit'], 'x'),
    ),
    [get('/declared?limit=x', { 'x-token': 'invalid' }), 400, { detail: 'X-Token header invalid' }],
    [get('/declared?limit=x', { 'x-key': 'invalid' }), 400, { detail: 'X-Key header invalid' }],
    refuses(get('/declared', { ...token, ...key }), missing(['query', 'limit'])),
    answers(get('/checked'), { isFixed: false }),
    answers(get('/checked?q=foobar'), { isFixed: true }),
  ],
};

const readItem = endpoint({ item_id: Path(z.int()) }, ({ item_id }) => {
  if (item_id === 3) throw new HTTPException(418, "Nope! I don't like 3.");
  return { item_id };
});

const asText = new Layer();
asText.addExceptionHandler(RequestValidationError, (_request, error) => {
  const lines = error.errors().map(({ loc, msg }) => `Field: ${loc.join('.')}, Error: ${msg}`);
  return new JSONResponse(['Validation errors:', ...lines], { status: 400 });
});
asText.addExceptionHandler(
  HTTPException,
  (_request, { detail, status }) => new PlainTextResponse(JSON.stringify(detail), { status }),
);

export const replacedErrors: Page = {
  name: 'handling errors: another answer',
  layer: asText,
  routes: [['get', '/items/:item_id', readItem]],
  rows: [
    answers(get('/items/2'), { item_id: 2 }),
    [get('/items/3'), 418, "Nope! I don't like 3."],
    [
      get('/items/foo'),
      400,
      [
        'Validation errors:',
        'Field: path.item_id, Error: Input should be a valid integer, unable to parse string as an integer',
      ],
    ],
  ],
};

const withBody = new Layer();
withBody.addExceptionHandler(
  RequestValidationError,
  (_request, error) =>
    new JSONResponse({ detail: error.errors(), body: error.body ?? null }, { status: 422 }),
);
const towel = { title: 'towel', size: 'XL' };
const refusesWith = (asked: Row[0], body: unknown, ...detail: object[]): Row => [
  asked,
  422,
  { detail, body },
];

export const errorBodies: Page = {
  name: 'handling errors: the body of the request',
  layer: withBody,
  routes: [
    [
      'post',
      '/items',
      endpoint({ item: Body(z.object({ title: z.string(), size: z.int() })) }, ({ item }) => item),
    ],
    ['post', '/sum', endpoint({ numbers: Body(z.array(z.int())) }, ({ numbers }) => numbers.length)],
    ['get', '/items/:item_id', readItem],
  ],
  rows: [
    answers(post('/items', json({ title: 'towel', size: 5 })), { title: 'towel', size: 5 }),
    refusesWith(post('/items', json(towel)), towel, intParsing(['body', 'size'], 'XL')),
    refusesWith(post('/items'), null, missing(['body'])),
    answers(post('/sum', json([1, 2, 3])), 3),
    refusesWith(
      post('/sum', json({ numbers: [1, 2, 3] })),
      { numbers: [1, 2, 3] },
      listType(['body'], { numbers: [1, 2, 3] }),
    ),
    refusesWith(get('/items/foo'), null, intParsing(['path', 'item_id'], 'foo')),
    [get('/items/3'), 418, { detail: "Nope! I don't like 3." }],
  ],
};
