// https://fastapi.tiangolo.com/tutorial/query-params/
import { endpoint, Layer } from 'callnext';
import { Path, Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const fakeItemsDb = [
  { item_name: 'Foo' },
  { item_name: 'Bar' },
  { item_name: 'Baz' },
];

// "Defaults"
const readItems = endpoint(
  { skip: Query(z.int().default(0)), limit: Query(z.int().default(10)) },
  ({ skip, limit }) => fakeItemsDb.slice(skip, skip + limit),
);

// "Optional parameters" and "Query parameter type conversion"
const readItem = endpoint(
  {
    itemId: Path({ alias: 'item_id' }),
    q: Query(z.string().optional()),
    short: Query(z.boolean().default(false)),
  },
  ({ itemId, q, short }) => ({
    item_id: itemId,
    ...(q && { q }),
    ...(!short && { description: 'An item that has a long description' }),
  }),
);

// "Multiple path and query parameters", "Required query parameters"
const readUserItem = endpoint(
  {
    userId: Path(z.int(), { alias: 'user_id' }),
    itemId: Path({ alias: 'item_id' }),
    needy: Query(),
    skip: Query(z.int().default(0)),
    limit: Query(z.int().nullable().default(null)),
  },
  ({ userId, itemId, needy, skip, limit }) => ({
    item_id: itemId,
    owner_id: userId,
    needy,
    skip,
    limit,
  }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'get', path: '/items', endpoint: readItems },
    { method: 'get', path: '/items/:item_id', endpoint: readItem },
    {
      method: 'get',
      path: '/users/:user_id/items/:item_id',
      endpoint: readUserItem,
    },
  ],
};
