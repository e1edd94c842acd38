// tutorial/body-multiple-params and tutorial/body-nested-models
import { endpoint } from 'callnext';
import { Body, Path, Query } from 'callnext/params';
import { z } from 'zod';
import {
  dictType,
  floatParsing,
  greaterThan,
  intParsing,
  intParsingSize,
  intType,
  listType,
  missing,
  modelAttributesType,
  stringType,
  tooShort,
} from './expected.js';
import { answers, json, type Page, post, put, refuses, text } from './page.js';

const Item = z.object({
  name: z.string(),
  description: z.string().nullable().default(null),
  price: z.number(),
  tax: z.number().nullable().default(null),
});
const User = z.object({ username: z.string(), full_name: z.string().nullable().default(null) });
const foo = { name: 'Foo', description: null, price: 50.5, tax: null };
const item = { name: 'Foo', price: 50.5 };
const dave = { username: 'Dave', full_name: null };
const user = { username: 'Dave' };

export const bodies: Page = {
  name: 'multiple body parameters',
  routes: [
    [
      'put',
      '/mixed/:item_id',
      endpoint(
        {
          item_id: Path(z.int().min(0).max(1000)),
          q: Query(z.string().optional()),
          item: Body(Item.nullable().default(null)),
        },
        ({ item_id, q, item }) => ({ item_id, ...(q && { q }), ...(item && { item }) }),
      ),
    ],
    [
      'put',
      '/two/:item_id',
      endpoint({ item_id: Path(z.int()), item: Body(Item), user: Body(User) }, ({ item_id, item, user }) => ({
        item_id,
        item,
        user,
      })),
    ],
    [
      'put',
      '/singular/:item_id',
      endpoint(
        {
          item_id: Path(z.int()),
          item: Body(Item),
          user: Body(User),
          importance: Body(z.int().gt(0)),
          note: Body(z.string().optional(), { alias: 'a-note' }),
        },
        ({ item_id, item, user, importance, note }) => ({
          item_id,
          item,
          user,
          importance,
          note: note ?? null,
        }),
      ),
    ],
    ['put', '/embedded', endpoint({ item: Body(Item, { embed: true }) }, ({ item }) => ({ item }))],
    ['post', '/importance', endpoint({ importance: Body(z.int()) }, ({ importance }) => ({ importance }))],
  ],
  rows: [
    answers(put('/mixed/5?q=bar', json(item)), { item_id: 5, q: 'bar', item: foo }),
    answers(put('/mixed/5?q=bar'), { item_id: 5, q: 'bar' }),
    answers(put('/mixed/5'), { item_id: 5 }),
    refuses(put('/mixed/foo'), intParsing(['path', 'item_id'], 'foo')),
    answers(put('/two/5', json({ item, user })), { item_id: 5, item: foo, user: dave }),
    answers(put('/two/5', json({ item: foo, user: dave, more: 1 })), { item_id: 5, item: foo, user: dave }),
    refuses(put('/two/5'), missing(['body', 'item']), missing(['body', 'user'])),
    refuses(put('/two/5', json({})), missing(['body', 'item']), missing(['body', 'user'])),
    refuses(put('/two/5', json({ user })), missing(['body', 'item'])),
    refuses(put('/two/5', json({ item })), missing(['body', 'user'])),
    refuses(put('/two/5', json(item)), missing(['body', 'item']), missing(['body', 'user'])),
    refuses(put('/two/5', json([])), missing(['body', 'item']), missing(['body', 'user'])),
    refuses(
      put('/two/5', json({ item: { name: 'Foo' }, user })),
      missing(['body', 'item', 'price'], { name: 'Foo' }),
    ),
    refuses(
      put('/two/5', json({ item, user: { full_name: 'John Doe' } })),
      missing(['body', 'user', 'username'], { full_name: 'John Doe' }),
    ),
    refuses(
      put('/two/5', json({ item: 'Foo', user: ['Dave'] })),
      modelAttributesType(['body', 'item'], 'Foo'),
      modelAttributesType(['body', 'user'], ['Dave']),
    ),
    refuses(
      put('/two/foo', json({ item: {}, user: { username: 5 } })),
      intParsing(['path', 'item_id'], 'foo'),
      missing(['body', 'item', 'name'], {}),
      missing(['body', 'item', 'price'], {}),
      stringType(['body', 'user', 'username'], 5),
    ),
    answers(put('/singular/5', json({ item, user, importance: 2 })), {
      item_id: 5,
      item: foo,
      user: dave,
      importance: 2,
      note: null,
    }),
    answers(put('/singular/5', json({ item, user, importance: 2, 'a-note': 'urgent' })), {
      item_id: 5,
      item: foo,
      user: dave,
      importance: 2,
      note: 'urgent',
    }),
    refuses(
      put('/singular/5', json(null)),
      missing(['body', 'item']),
      missing(['body', 'user']),
      missing(['body', 'importance']),
    ),
    refuses(
      put('/singular/5', json({ item, user, importance: 0 })),
      greaterThan(['body', 'importance'], 0, 0),
    ),
    refuses(put('/singular/5', json({ item, user, importance: null })), missing(['body', 'importance'])),
    refuses(
      put('/singular/5', json({ item, user, importance: 1, 'a-note': 5 })),
      stringType(['body', 'a-note'], 5),
    ),
    answers(put('/embedded', json({ item })), { item: foo }),
    refuses(put('/embedded'), missing(['body', 'item'])),
    refuses(put('/embedded', json(item)), missing(['body', 'item'])),
    refuses(
      put('/embedded', json({ item: { name: 'Foo' }, user })),
      missing(['body', 'item', 'price'], { name: 'Foo' }),
    ),
    answers(post('/importance', json(5)), { importance: 5 }),
    refuses(post('/importance', text('1e20', 'application/json')), intParsingSize(['body'], 1e20)),
    refuses(post('/importance', json('much')), intParsing(['body'], 'much')),
    refuses(post('/importance', json({ importance: 5 })), intType(['body'], { importance: 5 })),
  ],
};

const Image = z.object({ url: z.string(), name: z.string() });
const Nested = z.object({
  name: z.string(),
  price: z.number(),
  tags: z.array(z.string()).default([]),
  image: Image.nullable().default(null),
  images: z.array(Image).nullable().default(null),
});
const Offer = z.object({ name: z.string(), items: z.array(Nested).min(1) });
const image = { url: 'http://example.com/image.png', name: 'example image' };
const bare = { ...item, tags: [], image: null, images: null };

export const nested: Page = {
  name: 'nested body models',
  routes: [
    ['post', '/items', endpoint({ item: Body(Nested) }, ({ item }) => item)],
    ['post', '/offers', endpoint({ offer: Body(Offer) }, ({ offer }) => offer)],
    ['post', '/images', endpoint({ images: Body(z.array(Image)) }, ({ images }) => images)],
    [
      'post',
      '/weights',
      endpoint({ weights: Body(z.record(z.string(), z.number())) }, ({ weights }) => weights),
    ],
    [
      'post',
      '/dict',
      endpoint({ weights: Body(z.record(z.string(), z.number())) }, ({ weights }) => weights),
    ],
  ],
  rows: [
    answers(post('/items', json({ ...item, tags: ['a', 'b', 'a'] })), { ...bare, tags: ['a', 'b', 'a'] }),
    answers(post('/items', json({ ...item, image })), { ...bare, image }),
    answers(post('/items', json({ ...item, images: [image, image] })), { ...bare, images: [image, image] }),
    answers(post('/items', json(item)), bare),
    refuses(
      post('/items', json({ tags: [] })),
      missing(['body', 'name'], { tags: [] }),
      missing(['body', 'price'], { tags: [] }),
    ),
    refuses(post('/items', json({ ...item, tags: 'a' })), listType(['body', 'tags'], 'a')),
    refuses(post('/items', json({ ...item, tags: null })), listType(['body', 'tags'], null)),
    refuses(
      post('/items', json({ ...item, tags: ['a', 1, null] })),
      stringType(['body', 'tags', 1], 1),
      stringType(['body', 'tags', 2], null),
    ),
    refuses(
      post('/items', json({ ...item, image: { url: image.url } })),
      missing(['body', 'image', 'name'], { url: image.url }),
    ),
    refuses(post('/items', json({ ...item, image: [] })), modelAttributesType(['body', 'image'], [])),
    refuses(post('/items', json({ ...item, images: image })), listType(['body', 'images'], image)),
    refuses(
      post('/items', json({ ...item, images: [image, {}] })),
      missing(['body', 'images', 1, 'url'], {}),
      missing(['body', 'images', 1, 'name'], {}),
    ),
    answers(post('/offers', json({ name: 'Special', items: [item] })), { name: 'Special', items: [bare] }),
    refuses(post('/offers', json({})), missing(['body', 'name'], {}), missing(['body', 'items'], {})),
    refuses(post('/offers', json({ name: 'Special', items: [] })), tooShort(['body', 'items'], [], 1)),
    refuses(
      post('/offers', json({ name: 'Special', items: [{}, 5] })),
      missing(['body', 'items', 0, 'name'], {}),
      missing(['body', 'items', 0, 'price'], {}),
      modelAttributesType(['body', 'items', 1], 5),
    ),
    refuses(
      post('/offers', json({ name: 'Special', items: [{ ...item, images: [{}] }] })),
      missing(['body', 'items', 0, 'images', 0, 'url'], {}),
      missing(['body', 'items', 0, 'images', 0, 'name'], {}),
    ),
    answers(post('/images', json([image])), [image]),
    answers(post('/images', json([])), []),
    refuses(post('/images', json(image)), listType(['body'], image)),
    refuses(post('/images', json([{ url: 5, name: 'x' }])), stringType(['body', 0, 'url'], 5)),
    answers(post('/weights', json({ 2: 2.2, foo: 3 })), { 2: 2.2, foo: 3 }),
    refuses(post('/weights', json({ foo: 'heavy' })), floatParsing(['body', 'foo'], 'heavy')),
    refuses(post('/dict', json([1])), dictType(['body'], [1])),
  ],
};
