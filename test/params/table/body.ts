// tutorial/body and tutorial/body-fields
import { endpoint } from 'callnext';
import { Body, Path, Query } from 'callnext/params';
import { z } from 'zod';
import {
  boolParsing,
  boolType,
  extraForbidden,
  floatParsing,
  floatType,
  greaterThan,
  intFromFloat,
  intParsing,
  intType,
  jsonInvalid,
  literalError,
  missing,
  modelAttributesType,
  stringTooLong,
  stringTooShort,
  stringType,
} from './expected.js';
import { answers, json, type Page, post, put, refuses, text } from './page.js';

const item = {
  name: z.string(),
  description: z.string().nullable().default(null),
  price: z.number(),
  tax: z.number().nullable().default(null),
};
const Item = z.object(item);
const itemJson = '{"name": "Foo", "price": 50.5}';
const foo = { name: 'Foo', description: null, price: 50.5, tax: null };

const brokenBodies = [
  ['{some broken json}', 1, 'Expecting property name enclosed in double quotes'],
  ['{"a" 1}', 5, "Expecting ':' delimiter"],
  ['{"a":1 "b":2}', 7, "Expecting ',' delimiter"],
  ['{"a":', 5, 'Expecting value'],
  ['nope', 0, 'Expecting value'],
  ['{"a":"b', 5, 'Unterminated string starting at'],
  ['{"a":"\\x"}', 6, 'Invalid \\escape'],
  ['{"a":1} x', 8, 'Extra data'],
] as const;

export const body: Page = {
  name: 'request body',
  routes: [
    ['post', '/items', endpoint({ item: Body(Item) }, ({ item }) => item)],
    [
      'put',
      '/items/:item_id',
      endpoint(
        { item_id: Path(z.int()), item: Body(Item), q: Query(z.string().optional()) },
        ({ item_id, item, q }) => ({ item_id, ...item, ...(q && { q }) }),
      ),
    ],
    ['post', '/strict', endpoint({ item: Body(z.strictObject(item)) }, ({ item }) => item)],
    ['post', '/optional', endpoint({ item: Body(Item.nullable().default(null)) }, ({ item }) => item)],
  ],
  rows: [
    answers(post('/items', json({ name: 'Foo', price: 50.5 })), foo),
    answers(post('/items', json({ name: 'Foo', price: 50 })), { ...foo, price: 50 }),
    answers(post('/items', json({ name: 'Foo', price: 50.5, description: 'Some Foo', tax: 0.3 })), {
      name: 'Foo',
      price: 50.5,
      description: 'Some Foo',
      tax: 0.3,
    }),
    answers(post('/items', json({ name: 'Foo', price: 50.5, tax: null, extra: true })), foo),
    answers(post('/items', text(' {"name":"caf\\u00e9 \u{1F600}","price":5e1}\n', 'application/json')), {
      ...foo,
      name: 'café \u{1F600}',
      price: 50,
    }),
    answers(post('/items', text('{"name":"Foo","name":"Bar","price":50.5}', 'application/json')), {
      ...foo,
      name: 'Bar',
    }),
    answers(post('/items', text(itemJson, 'application/json; charset=utf-8')), foo),
    answers(post('/items', text(itemJson, 'application/geo+json')), foo),
    answers(post('/items', text(itemJson, 'Application/JSON')), foo),
    ...brokenBodies.map(([sent, at, reason]) =>
      refuses(post('/items', text(sent, 'application/json')), jsonInvalid(at, reason)),
    ),
    refuses(post('/items', json({ name: 'Foo' })), missing(['body', 'price'], { name: 'Foo' })),
    refuses(post('/items', json({})), missing(['body', 'name'], {}), missing(['body', 'price'], {})),
    refuses(
      post('/items', json({ name: 'Foo', price: 'twenty' })),
      floatParsing(['body', 'price'], 'twenty'),
    ),
    refuses(
      post('/items', json({ name: 5, price: null })),
      stringType(['body', 'name'], 5),
      floatType(['body', 'price'], null),
    ),
    refuses(
      post('/items', json({ name: null, price: [1], tax: { of: 5 } })),
      stringType(['body', 'name'], null),
      floatType(['body', 'price'], [1]),
      floatType(['body', 'tax'], { of: 5 }),
    ),
    refuses(post('/items'), missing(['body'])),
    refuses(post('/items', text('', 'application/json')), missing(['body'])),
    refuses(post('/items', json(null)), missing(['body'])),
    refuses(post('/items', json([])), modelAttributesType(['body'], [])),
    refuses(post('/items', json('Foo')), modelAttributesType(['body'], 'Foo')),
    refuses(post('/items', json(5)), modelAttributesType(['body'], 5)),
    refuses(post('/items', json(false)), modelAttributesType(['body'], false)),
    refuses(post('/items', text(itemJson, 'text/plain')), modelAttributesType(['body'], itemJson)),
    refuses(
      post('/items', text('name=Foo&price=50.5', 'application/x-www-form-urlencoded')),
      modelAttributesType(['body'], 'name=Foo&price=50.5'),
    ),
    refuses(
      post('/items', text(itemJson, 'application/geo+json-seq')),
      modelAttributesType(['body'], itemJson),
    ),
    refuses(
      post('/items', text(itemJson, 'application/not-really-json')),
      modelAttributesType(['body'], itemJson),
    ),
    refuses(post('/items', { body: itemJson }), modelAttributesType(['body'], itemJson)),
    answers(put('/items/123', json({ name: 'Foo', price: 50.5 })), { item_id: 123, ...foo }),
    answers(put('/items/123?q=somequery', json({ name: 'Foo', price: 50.5 })), {
      item_id: 123,
      ...foo,
      q: 'somequery',
    }),
    refuses(
      put('/items/x', json({ name: 'Foo' })),
      intParsing(['path', 'item_id'], 'x'),
      missing(['body', 'price'], { name: 'Foo' }),
    ),
    answers(post('/strict', json({ name: 'Foo', price: 50.5 })), foo),
    refuses(
      post('/strict', json({ name: 'Foo', price: 50.5, extra: [1] })),
      extraForbidden(['body', 'extra'], [1]),
    ),
    answers(post('/optional'), null),
    answers(post('/optional', json(null)), null),
    answers(post('/optional', json({ name: 'Foo', price: 50.5 })), foo),
    refuses(post('/optional', json({ name: 'Foo' })), missing(['body', 'price'], { name: 'Foo' })),
  ],
};

const Fields = z.object({
  name: z.string().min(2).max(5),
  description: z.string().max(30).nullable().default(null),
  price: z.number().gt(0),
  count: z.int().default(1),
  isOffer: z.boolean().default(false),
  size: z.enum(['L', 'M', 'S']).default('M'),
});
const bar = { name: 'Bar', description: null, price: 0.2, count: 1, isOffer: false, size: 'M' };
const fields = (given: object) => put('/items/5', json({ item: { name: 'Bar', price: 0.2, ...given } }));
const at = (name: string) => ['body', 'item', name];

export const bodyFields: Page = {
  name: 'body fields',
  routes: [
    [
      'put',
      '/items/:item_id',
      endpoint({ item_id: Path(z.int()), item: Body(Fields, { embed: true }) }, ({ item_id, item }) => ({
        item_id,
        item,
      })),
    ],
  ],
  rows: [
    answers(fields({}), { item_id: 5, item: bar }),
    answers(fields({ description: 'Some bar', count: 2, isOffer: true, size: 'L' }), {
      item_id: 5,
      item: { ...bar, description: 'Some bar', count: 2, isOffer: true, size: 'L' },
    }),
    refuses(fields({ price: -3 }), greaterThan(at('price'), -3, 0)),
    refuses(fields({ price: 0 }), greaterThan(at('price'), 0, 0)),
    refuses(fields({ name: 'B' }), stringTooShort(at('name'), 'B', 2)),
    refuses(fields({ name: 'Barbar' }), stringTooLong(at('name'), 'Barbar', 5)),
    refuses(fields({ description: 'd'.repeat(31) }), stringTooLong(at('description'), 'd'.repeat(31), 30)),
    refuses(fields({ count: 1.5 }), intFromFloat(at('count'), 1.5)),
    refuses(fields({ count: 'one' }), intParsing(at('count'), 'one')),
    refuses(fields({ count: [] }), intType(at('count'), [])),
    refuses(fields({ count: null }), intType(at('count'), null)),
    refuses(fields({ isOffer: 'perhaps' }), boolParsing(at('isOffer'), 'perhaps')),
    refuses(fields({ isOffer: 2 }), boolParsing(at('isOffer'), 2)),
    refuses(fields({ isOffer: {} }), boolType(at('isOffer'), {})),
    refuses(fields({ size: 'XL' }), literalError(at('size'), 'XL', "'L', 'M' or 'S'")),
    refuses(fields({ size: 5 }), literalError(at('size'), 5, "'L', 'M' or 'S'")),
    refuses(
      fields({ size: null, count: '', price: 'free', name: '' }),
      stringTooShort(at('name'), '', 2),
      floatParsing(at('price'), 'free'),
      intParsing(at('count'), ''),
      literalError(at('size'), null, "'L', 'M' or 'S'"),
    ),
  ],
};
