// https://fastapi.tiangolo.com/tutorial/body/
import { endpoint, Layer } from 'callnext';
import { Body, Path, Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const Item = z.object({
  name: z.string(),
  description: z.string().nullable().default(null),
  price: z.number(),
  tax: z.number().nullable().default(null),
});

// "Use the model"
const createItem = endpoint({ item: Body(Item) }, ({ item }) => ({
  ...item,
  ...(item.tax !== null && { price_with_tax: item.price + item.tax }),
}));

// "Request body + path + query parameters"
const updateItem = endpoint(
  {
    itemId: Path(z.int(), { alias: 'item_id' }),
    item: Body(Item),
    q: Query(z.string().optional()),
  },
  ({ itemId, item, q }) => ({ item_id: itemId, ...item, ...(q && { q }) }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'post', path: '/items', endpoint: createItem },
    { method: 'put', path: '/items/:item_id', endpoint: updateItem },
  ],
};
