// tutorial/query-params and tutorial/query-params-str-validations
import { endpoint } from 'callnext';
import { type Parameter, Path, Query } from 'callnext/params';
import { z } from 'zod';
import {
  boolParsing,
  intParsing,
  missing,
  stringPatternMismatch,
  stringTooLong,
  stringTooShort,
  tooLong,
  tooShort,
  valueError,
} from './expected.js';
import { answers, get, type Page, refuses } from './page.js';

const names = ['Foo', 'Bar', 'Baz'];
const optionalText = z.string().nullable().default(null);
const book = z
  .string()
  .refine(id => /^(isbn|imdb)-/.test(id), 'Invalid ID format, it must start with "isbn-" or "imdb-"');

export const queryParams: Page = {
  name: 'query parameters',
  routes: [
    [
      'get',
      '/items',
      endpoint({ skip: Query(z.int().default(0)), limit: Query(z.int().default(10)) }, ({ skip, limit }) =>
        names.slice(skip, skip + limit),
      ),
    ],
    [
      'get',
      '/optional/:item_id',
      endpoint({ item_id: Path(), q: Query(z.string().optional()) }, ({ item_id, q }) => ({
        item_id,
        q: q ?? null,
      })),
    ],
    [
      'get',
      '/users/:user_id/items/:item_id',
      endpoint(
        {
          user_id: Path(z.int()),
          item_id: Path(),
          q: Query(optionalText),
          short: Query(z.boolean().default(false)),
        },
        ({ user_id, item_id, q, short }) => ({ item_id, owner_id: user_id, q, short }),
      ),
    ],
    [
      'get',
      '/needy/:item_id',
      endpoint(
        {
          item_id: Path(),
          needy: Query(),
          skip: Query(z.int().default(0)),
          limit: Query(z.int().nullable().default(null)),
        },
        ({ item_id, needy, skip, limit }) => ({ item_id, needy, skip, limit }),
      ),
    ],
  ],
  rows: [
    answers(get('/items'), ['Foo', 'Bar', 'Baz']),
    answers(get('/items?skip=1'), ['Bar', 'Baz']),
    answers(get('/items?skip=1&limit=1'), ['Bar']),
    answers(get('/items?skip=0&skip=2'), ['Baz']),
    answers(get('/items?unknown=1&limit=1'), ['Foo']),
    refuses(get('/items?skip='), intParsing(['query', 'skip'], '')),
    refuses(get('/items?limit'), intParsing(['query', 'limit'], '')),
    refuses(get('/items?limit=null'), intParsing(['query', 'limit'], 'null')),
    refuses(get('/items?skip=1&skip=x'), intParsing(['query', 'skip'], 'x')),
    answers(get('/optional/foo'), { item_id: 'foo', q: null }),
    answers(get('/optional/foo?q=somequery'), { item_id: 'foo', q: 'somequery' }),
    answers(get('/optional/foo?q='), { item_id: 'foo', q: '' }),
    answers(get('/optional/foo?q=null'), { item_id: 'foo', q: 'null' }),
    answers(get('/optional/foo?q=a%20b%26c+d'), { item_id: 'foo', q: 'a b&c d' }),
    answers(get('/optional/foo?q=%C3%A9%F0%9F%98%80'), { item_id: 'foo', q: 'é😀' }),
    answers(get('/optional/foo?q=first&q=last'), { item_id: 'foo', q: 'last' }),
    answers(get('/optional/foo?Q=upper'), { item_id: 'foo', q: null }),
    answers(get('/users/123/items/foo'), { item_id: 'foo', owner_id: 123, q: null, short: false }),
    answers(get('/users/1/items/bar?q=some'), { item_id: 'bar', owner_id: 1, q: 'some', short: false }),
    answers(get('/users/42/items/baz?short=true'), { item_id: 'baz', owner_id: 42, q: null, short: true }),
    answers(get('/users/42/items/baz?short=on'), { item_id: 'baz', owner_id: 42, q: null, short: true }),
    refuses(
      get('/users/me/items/baz?short=2'),
      intParsing(['path', 'user_id'], 'me'),
      boolParsing(['query', 'short'], '2'),
    ),
    refuses(get('/users/1/items/baz?short='), boolParsing(['query', 'short'], '')),
    answers(get('/needy/foo?needy=very'), { item_id: 'foo', needy: 'very', skip: 0, limit: null }),
    answers(get('/needy/foo?needy=&limit=5'), { item_id: 'foo', needy: '', skip: 0, limit: 5 }),
    refuses(get('/needy/foo'), missing(['query', 'needy'])),
    refuses(
      get('/needy/foo?skip=a&limit=b'),
      missing(['query', 'needy']),
      intParsing(['query', 'skip'], 'a'),
      intParsing(['query', 'limit'], 'b'),
    ),
    refuses(get('/needy/foo?needy=x&limit='), intParsing(['query', 'limit'], '')),
  ],
};

const echo = (q: Parameter<unknown>) => endpoint({ q }, given => ({ q: given.q }));

export const queryTexts: Page = {
  name: 'query parameters and string validations',
  routes: [
    ['get', '/at-most', echo(Query(z.string().max(50).nullable().default(null)))],
    ['get', '/between', echo(Query(z.string().min(3).max(50).nullable().default(null)))],
    [
      'get',
      '/like',
      echo(
        Query(
          z
            .string()
            .min(3)
            .max(50)
            .regex(/^fixedquery$/)
            .nullable()
            .default(null),
        ),
      ),
    ],
    ['get', '/with-default', echo(Query(z.string().min(3).default('fixedquery')))],
    ['get', '/defaulted', echo(Query(z.string().min(3), { default: 'fixedquery' }))],
    ['get', '/required', echo(Query(z.string().min(3)))],
    ['get', '/nullable', echo(Query(z.string().min(3).nullable()))],
    ['get', '/aliased', echo(Query(optionalText, { alias: 'item-query' }))],
    [
      'get',
      '/everything',
      echo(
        Query(
          z
            .string()
            .min(3)
            .max(50)
            .regex(/^fixedquery$/)
            .nullable()
            .default(null),
          { alias: 'item-query' },
        ),
      ),
    ],
    ['get', '/list', echo(Query(z.array(z.string()).nullable().default(null)))],
    ['get', '/list-with-default', echo(Query(z.array(z.string()).default(['foo', 'bar'])))],
    ['get', '/list-of-ints', echo(Query(z.array(z.int())))],
    ['get', '/list-of-two', echo(Query(z.array(z.string().min(2)).min(2).max(2)))],
    ['get', '/book', echo(Query(book.nullable().default(null), { alias: 'id' }))],
  ],
  rows: [
    answers(get('/at-most'), { q: null }),
    answers(get('/at-most?q='), { q: '' }),
    answers(get(`/at-most?q=${'q'.repeat(50)}`), { q: 'q'.repeat(50) }),
    answers(get(`/at-most?q=${'%F0%9F%98%80'.repeat(50)}`), { q: '😀'.repeat(50) }),
    refuses(get(`/at-most?q=${'q'.repeat(51)}`), stringTooLong(['query', 'q'], 'q'.repeat(51), 50)),
    answers(get('/between?q=query'), { q: 'query' }),
    refuses(get('/between?q=qu'), stringTooShort(['query', 'q'], 'qu', 3)),
    refuses(get('/between?q='), stringTooShort(['query', 'q'], '', 3)),
    refuses(get(`/between?q=${'r'.repeat(51)}`), stringTooLong(['query', 'q'], 'r'.repeat(51), 50)),
    answers(get('/like'), { q: null }),
    answers(get('/like?q=fixedquery'), { q: 'fixedquery' }),
    refuses(
      get('/like?q=nonregexquery'),
      stringPatternMismatch(['query', 'q'], 'nonregexquery', '^fixedquery$'),
    ),
    refuses(get('/like?q=fa'), stringTooShort(['query', 'q'], 'fa', 3)),
    answers(get('/with-default'), { q: 'fixedquery' }),
    answers(get('/with-default?q=query'), { q: 'query' }),
    refuses(get('/with-default?q=fa'), stringTooShort(['query', 'q'], 'fa', 3)),
    answers(get('/defaulted'), { q: 'fixedquery' }),
    refuses(get('/defaulted?q='), stringTooShort(['query', 'q'], '', 3)),
    answers(get('/required?q=given'), { q: 'given' }),
    refuses(get('/required'), missing(['query', 'q'])),
    refuses(get('/required?q=fa'), stringTooShort(['query', 'q'], 'fa', 3)),
    refuses(get('/required?q=%F0%9F%98%80%F0%9F%98%80'), stringTooShort(['query', 'q'], '😀😀', 3)),
    refuses(get('/nullable'), missing(['query', 'q'])),
    refuses(get('/nullable?q=ab'), stringTooShort(['query', 'q'], 'ab', 3)),
    answers(get('/nullable?q=query'), { q: 'query' }),
    answers(get('/aliased'), { q: null }),
    answers(get('/aliased?item-query=fixedquery'), { q: 'fixedquery' }),
    answers(get('/aliased?q=fixedquery'), { q: null }),
    refuses(
      get('/everything?item-query=nonregexquery'),
      stringPatternMismatch(['query', 'item-query'], 'nonregexquery', '^fixedquery$'),
    ),
    answers(get('/everything?q=nonregexquery'), { q: null }),
    answers(get('/list'), { q: null }),
    answers(get('/list?q=foo&q=bar'), { q: ['foo', 'bar'] }),
    answers(get('/list?q=foo'), { q: ['foo'] }),
    answers(get('/list?q='), { q: [''] }),
    answers(get('/list?q=a,b'), { q: ['a,b'] }),
    answers(get('/list?q[]=a'), { q: null }),
    answers(get('/list-with-default'), { q: ['foo', 'bar'] }),
    answers(get('/list-with-default?q=baz&q=foobar'), { q: ['baz', 'foobar'] }),
    answers(get('/list-of-ints?q=1&q=02'), { q: [1, 2] }),
    refuses(get('/list-of-ints'), missing(['query', 'q'])),
    refuses(
      get('/list-of-ints?q=1&q=two&q=3&q=four'),
      intParsing(['query', 'q', 1], 'two'),
      intParsing(['query', 'q', 3], 'four'),
    ),
    refuses(get('/list-of-two?q=aa'), tooShort(['query', 'q'], ['aa'], 2)),
    refuses(get('/list-of-two?q=b'), stringTooShort(['query', 'q', 0], 'b', 2)),
    refuses(get('/list-of-two?q=aa&q=bb&q=cc'), tooLong(['query', 'q'], ['aa', 'bb', 'cc'], 2)),
    refuses(get('/list-of-two?q=aa&q=b'), stringTooShort(['query', 'q', 1], 'b', 2)),
    answers(get('/book'), { q: null }),
    answers(get('/book?id=isbn-9781529046137'), { q: 'isbn-9781529046137' }),
    refuses(
      get('/book?id=wtf-yes'),
      valueError(['query', 'id'], 'wtf-yes', 'Invalid ID format, it must start with "isbn-" or "imdb-"'),
    ),
  ],
};
