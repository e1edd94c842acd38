// All intended differences from FastAPI's responses; docs/guides/from-fastapi.md lists their titles.
import { type Difference, differ, ok, refused } from './difference.js';
import { ofValues } from './differences-of-values.js';
import * as routes from './different-endpoints.js';
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
import { get, json, type Page, post, text, upload } from './page.js';

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
    title: 'A JSON body has a limit',
    routes: routes.record,
    rows: [
      differ(post('/texts', json({ a: 'x'.repeat(2 ** 20) })), ok(1), [
        413,
        { detail: 'The body is larger than 1048576 bytes.' },
      ]),
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
  ...ofValues,
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
    title: 'A file without a type is text',
    routes: routes.file,
    rows: [
      differ(post('/type', upload(['file', 'abc', 'a.bin'])), ok({ type: null }), ok({ type: 'text/plain' })),
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
