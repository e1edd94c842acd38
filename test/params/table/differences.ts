// Every answer that differs from FastAPI's on purpose, listed by title in docs/guides/from-fastapi.md.
import * as routes from './different-endpoints.js';
import {
  boolType,
  finiteNumber,
  floatType,
  intParsing,
  intParsingSize,
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

const lax = { price: 1, count: 0, isOffer: false };

export const differences: readonly Difference[] = [
  {
    title: 'JSON values are not converted',
    routes: routes.jsonValues,
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
    routes: routes.bodyAfterDependencies,
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
    routes: routes.guards,
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
    routes: routes.enumeration,
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
    routes: routes.formats,
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
    routes: routes.numbers,
    rows: [
      differ(
        get('/int?q=9007199254740993'),
        ok(9007199254740992),
        refused(intParsingSize(['query', 'q'], '9007199254740993')),
      ),
      differ(get('/float?q=inf'), failed, refused(finiteNumber(['query', 'q'], 'inf'))),
      differ(get('/float?q=NaN'), failed, refused(finiteNumber(['query', 'q'], 'NaN'))),
      differ(
        post('/float', text('NaN', 'application/json')),
        failed,
        refused(jsonInvalid(0, 'Expecting value')),
      ),
    ],
  },
  {
    title: 'Defaults are not validated',
    routes: routes.defaults,
    rows: [differ(get('/list'), refused(tooShort(['query', 'q'], [], 1)), ok([]))],
  },
  {
    title: 'A model repeats what was sent, without defaults',
    routes: routes.model,
    rows: [
      differ(
        get('/items?more=1'),
        refused(missing(['query', 'need'], { tags: [], more: '1' })),
        refused(missing(['query', 'need'], { more: '1' })),
      ),
    ],
  },
  {
    title: 'An optional property is never missing',
    routes: routes.optional,
    rows: [
      differ(
        post('/notes', json([])),
        refused(missing(['body', 'text']), missing(['body', 'tag'])),
        refused(missing(['body', 'text'])),
      ),
    ],
  },
  {
    title: 'A field without a file name is not a file',
    routes: routes.file,
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
    routes: routes.secret,
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
    routes: routes.cookie,
    rows: [differ(get('/city', { cookie: 'city=Z%C3%BCrich' }), ok('Z%C3%BCrich'), ok('Zürich'))],
  },
  {
    title: 'A union of models has one error',
    routes: routes.union,
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

function withoutInput(error: object): object {
  const { input: _input, ...rest } = error as { input: unknown };
  return rest;
}

export const differencePages: readonly Page[] = differences.map(({ title, routes, rows }) => ({
  name: `but: ${title}`,
  routes,
  rows: rows.map(([, here]) => here),
}));
