// https://fastapi.tiangolo.com/tutorial/body-multiple-params/ and body-fields/
import { endpoint, Layer } from 'callnext';
import { Body, Path } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const Item = z.object({
  name: z.string(),
  description: z.string().max(300).nullable().default(null),
  price: z.number().gt(0),
  tax: z.number().nullable().default(null),
});
const User = z.object({
  username: z.string(),
  full_name: z.string().nullable().default(null),
});
const itemId = Path(z.int(), { alias: 'item_id' });

// "Multiple body parameters" and "Singular values in body": each by its name
const updateItem = endpoint(
  {
    itemId,
    item: Body(Item),
    user: Body(User),
    importance: Body(z.int().gt(0)),
  },
  ({ itemId, item, user, importance }) => ({
    item_id: itemId,
    item,
    user,
    importance,
  }),
);

// "Embed a single body parameter"
const updateEmbedded = endpoint(
  { itemId, item: Body(Item, { embed: true }) },
  ({ itemId, item }) => ({ item_id: itemId, item }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'put', path: '/items/:item_id', endpoint: updateItem },
    { method: 'put', path: '/embedded/:item_id', endpoint: updateEmbedded },
  ],
};
