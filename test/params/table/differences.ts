// Every answer that differs from FastAPI's on purpose, listed by title in docs/guides/from-fastapi.md.
import { Depends, dependency, endpoint, HTTPException } from 'callnext';
import { Body, Cookie, File, Header, type Parameter, Query } from 'callnext/params';
import { z } from 'zod';
import {
  boolType,
  floatType,
  intParsing,
  intType,
  jsonInvalid,
  literalError,
  missing,
  stringPatternMismatch,
  tooShort,
  valueError,
} from './expected.js';
import { get, json, type Page, post, type Route, type Row, text, upload } from './page.js';

/** A request with FastAPI's answer, and the one given here. */
type Pair = readonly [fastapi: Row, here: Row];

export interface Difference {
  readonly title: string;
  readonly routes: readonly Route[];
  readonly rows: readonly Pair[];
}

const differ = (asked: Row[0], fastapi: Answer, here: Answer): Pair => [
  [asked, ...fastapi],
  [asked, ...here],
];
type Answer = readonly [status: number, body: unknown];
const ok = (body: unknown): Answer => [200, body];
const refused = (...detail: object[]): Answer => [422, { detail }];
/** FastAPI fails while it writes the answer. */
const failed: Answer = [500, 'Internal Server Error'];

const Lax = z.object({ price: z.number(), count: z.int().default(0), isOffer: z.boolean().default(false) });
const lax = { price: 1, count: 0, isOffer: false };
const echo = (q: Parameter<unknown>) => endpoint({ q }, ({ q: given }) => given);
const isLoggedIn = dependency({ token: Header(z.string().optional()) }, ({ token }) => {
  if (token === undefined) throw new HTTPException(401, 'Not authenticated');
});

export const differences: readonly Difference[] = [
  {
    title: 'JSON values are not converted',
    routes: [['post', '/items', endpoint({ item: Body(Lax) }, ({ item }) => item)]],
    rows: [
      differ(
        post('/items', json({ price: '50.5' })),
        ok({ ...lax, price: 50.5 }),
        refused(floatType(['body', 'price'], '50.5')),
      ),
      differ(
        post('/items', json({ price: true, count: '5', isOffer: 'yes' })),
        ok({ price: 1, count: 5, isOffer: true }),
        refused(
          floatType(['body', 'price'], true),
          intType(['body', 'count'], '5'),
          boolType(['body', 'isOffer'], 'yes'),
        ),
      ),
    ],
  },
  {
    title: 'The body is read after the dependencies',
    routes: [
      ['post', '/items', endpoint({ user: Depends(isLoggedIn), item: Body(Lax) }, ({ item }) => item)],
    ],
    rows: [
      differ(
        post('/items', text('{"price":', 'application/json')),
        refused(jsonInvalid(9, 'Expecting value')),
        [401, { detail: 'Not authenticated' }],
      ),
    ],
  },
  {
    title: 'Guards of a route answer one after the other',
    routes: [
      [
        'get',
        '/guarded',
        Depends(dependency({ x_token: Header() }, ({ x_token }) => x_token)),
        Depends(dependency({ x_key: Header() }, ({ x_key }) => x_key)),
        endpoint({ limit: Query(z.int()) }, ({ limit }) => limit),
      ],
    ],
    rows: [
      differ(
        get('/guarded?limit=x'),
        refused(
          missing(['header', 'x-token']),
          missing(['header', 'x-key']),
          intParsing(['query', 'limit'], 'x'),
        ),
        refused(missing(['header', 'x-token'])),
      ),
    ],
  },
  {
    title: 'An enum is a literal',
    routes: [['get', '/models', echo(Query(z.enum(['alexnet', 'lenet'])))]],
    rows: [
      differ(
        get('/models?q=foo'),
        refused({
          type: 'enum',
          loc: ['query', 'q'],
          msg: "Input should be 'alexnet' or 'lenet'",
          input: 'foo',
          ctx: { expected: "'alexnet' or 'lenet'" },
        }),
        refused(literalError(['query', 'q'], 'foo', "'alexnet' or 'lenet'")),
      ),
    ],
  },
  {
    title: 'A format has the message of its schema',
    routes: [
      ['get', '/uuid', echo(Query(z.uuid()))],
      ['get', '/date', echo(Query(z.iso.date()))],
      ['get', '/url', echo(Query(z.url()))],
    ],
    rows: [
      differ(
        get('/uuid?q=x'),
        refused({
          type: 'uuid_parsing',
          loc: ['query', 'q'],
          msg: 'Input should be a valid UUID, invalid character: found `x` at 1',
          input: 'x',
          ctx: { error: 'invalid character: found `x` at 1' },
        }),
        refused(valueError(['query', 'q'], 'x', 'Invalid UUID')),
      ),
      differ(
        get('/date?q=x'),
        refused({
          type: 'date_from_datetime_parsing',
          loc: ['query', 'q'],
          msg: 'Input should be a valid date or datetime, input is too short',
          input: 'x',
          ctx: { error: 'input is too short' },
        }),
        refused(valueError(['query', 'q'], 'x', 'Invalid ISO date')),
      ),
      differ(
        get('/url?q=x'),
        refused({
          type: 'url_parsing',
          loc: ['query', 'q'],
          msg: 'Input should be a valid URL, relative URL without a base',
          input: 'x',
          ctx: { error: 'relative URL without a base' },
        }),
        refused(valueError(['query', 'q'], 'x', 'Invalid URL')),
      ),
    ],
  },
  {
    title: 'Numbers are those of JavaScript',
    routes: [
      ['get', '/int', echo(Query(z.int()))],
      ['get', '/float', echo(Query(z.number()))],
      ['post', '/float', endpoint({ size: Body(z.number()) }, ({ size }) => size)],
    ],
    rows: [
      differ(get('/int?q=9007199254740993'), ok(9007199254740992), tooLarge('9007199254740993')),
      differ(get('/float?q=inf'), failed, notFinite('inf')),
      differ(get('/float?q=NaN'), failed, notFinite('NaN')),
      differ(
        post('/float', text('NaN', 'application/json')),
        failed,
        refused(jsonInvalid(0, 'Expecting value')),
      ),
    ],
  },
  {
    title: 'Defaults are not validated',
    routes: [['get', '/list', echo(Query(z.array(z.string()).min(1).default([])))]],
    rows: [differ(get('/list'), refused(tooShort(['query', 'q'], [], 1)), ok([]))],
  },
  {
    title: 'A model repeats what was sent, without defaults',
    routes: [
      ['get', '/items', echo(Query(z.object({ need: z.string(), tags: z.array(z.string()).default([]) })))],
    ],
    rows: [
      differ(
        get('/items?more=1'),
        refused(missing(['query', 'need'], { tags: [], more: '1' })),
        refused(missing(['query', 'need'], { more: '1' })),
      ),
    ],
  },
  {
    title: 'A field without a file name is not a file',
    routes: [['post', '/file', endpoint({ file: File() }, ({ file }) => file.name)]],
    rows: [
      differ(
        post('/file', upload(['file', 'text'])),
        refused(valueError(['body', 'file'], 'text', "Expected UploadFile, received: <class 'str'>")),
        refused(valueError(['body', 'file'], 'text', 'Expected UploadFile, received: string')),
      ),
    ],
  },
  {
    title: 'Secrets are not repeated',
    routes: [
      [
        'get',
        '/me',
        endpoint(
          { authorization: Header(z.string().regex(/^Bearer /)) },
          ({ authorization }) => authorization,
        ),
      ],
    ],
    rows: [
      differ(
        get('/me', { authorization: 'Basic c2VjcmV0' }),
        refused(stringPatternMismatch(['header', 'authorization'], 'Basic c2VjcmV0', '^Bearer ')),
        refused(withoutInput(stringPatternMismatch(['header', 'authorization'], '', '^Bearer '))),
      ),
    ],
  },
  {
    title: 'Cookies are decoded',
    routes: [['get', '/city', endpoint({ city: Cookie() }, ({ city }) => city)]],
    rows: [differ(get('/city', { cookie: 'city=Z%C3%BCrich' }), ok('Z%C3%BCrich'), ok('Zürich'))],
  },
  {
    title: 'A union of models has one error',
    routes: [
      [
        'post',
        '/pets',
        endpoint(
          {
            pet: Body(
              z.discriminatedUnion('kind', [
                z.object({ kind: z.literal('cat'), lives: z.int() }),
                z.object({ kind: z.literal('dog'), barks: z.boolean() }),
              ]),
            ),
          },
          ({ pet }) => pet,
        ),
      ],
    ],
    rows: [
      differ(
        post('/pets', json({ kind: 'cow' })),
        refused({
          type: 'union_tag_invalid',
          loc: ['body'],
          msg: "Input tag 'cow' found using 'kind' does not match any of the expected tags: 'cat', 'dog'",
          input: { kind: 'cow' },
          ctx: { discriminator: "'kind'", tag: 'cow', expected_tags: "'cat', 'dog'" },
        }),
        refused(literalError(['body', 'kind'], 'cow', "'cat' or 'dog'")),
      ),
      differ(
        post('/pets', json({ kind: 'cat' })),
        refused(missing(['body', 'cat', 'lives'], { kind: 'cat' })),
        refused(missing(['body', 'lives'], { kind: 'cat' })),
      ),
    ],
  },
];

function tooLarge(input: string): Answer {
  const msg = 'Unable to parse input string as an integer, exceeded maximum size';
  return refused({ type: 'int_parsing_size', loc: ['query', 'q'], msg, input });
}

function notFinite(input: string): Answer {
  return refused({
    type: 'finite_number',
    loc: ['query', 'q'],
    msg: 'Input should be a finite number',
    input,
  });
}

function withoutInput(error: object): object {
  const { input: _input, ...rest } = error as { input: unknown };
  return rest;
}

export const differencePages: readonly Page[] = differences.map(({ title, routes, rows }) => ({
  name: `but: ${title}`,
  routes,
  rows: rows.map(([, here]) => here),
}));
