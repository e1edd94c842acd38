import { Depends, dependency, endpoint, HTTPException, Layer } from 'callnext';
import { inject, toExpress } from 'callnext/express';
import { describe, openapi, swaggerUi } from 'callnext/openapi';
import { Body, Path, Query } from 'callnext/params';
import { HTTPBearer } from 'callnext/security';
import express from 'express';
import { z } from 'zod';

const Item = z
  .object({ name: z.string(), price: z.number() })
  .meta({ id: 'Item' });
const Problem = z.object({ detail: z.string() }).meta({ id: 'Problem' });
const items = new Map([[1, { name: 'Towel', price: 9.5 }]]);

const verifyToken = dependency(
  { token: Depends(new HTTPBearer()) },
  ({ token }) => {
    if (token.credentials !== 'secret-token')
      throw new HTTPException(401, 'Invalid token');
  },
);

const readItem = endpoint(
  { itemId: Path(z.int(), { alias: 'item_id' }) },
  function readItem({ itemId }) {
    const item = items.get(itemId);
    if (!item) throw new HTTPException(404, 'Item not found');
    return item;
  },
  {
    tags: ['items'],
    responseModel: Item,
    responses: { 404: { model: Problem } },
  },
);

const writeItem = endpoint(
  { itemId: Path(z.int(), { alias: 'item_id' }), item: Body(Item) },
  function writeItem({ itemId, item }) {
    items.set(itemId, item);
    return item;
  },
  {
    tags: ['items'],
    summary: 'Create or replace an item',
    responseModel: Item,
  },
);

const paging = {
  skip: Query(z.int().min(0).default(0)),
  limit: Query(z.int().max(100).default(100)),
};

const listItems = describe(
  async (req: express.Request, res: express.Response) => {
    const { skip, limit } = await inject(req, paging);
    res.json([...items.values()].slice(skip, skip + limit));
  },
  {
    operationId: 'listItems',
    dependencies: paging,
    responseModel: z.array(Item),
  },
);

const shop = express.Router();
shop.get('/items', listItems);
shop.get('/items/:item_id', toExpress(readItem));
shop.put(
  '/items/:item_id',
  toExpress(Depends(verifyToken)),
  toExpress(writeItem),
);

export const app = express();
app.get(
  '/openapi.json',
  toExpress(openapi(app, { title: 'Shop', version: '1.0.0' })),
);
app.use('/shop', toExpress(new Layer()), shop);
app.get('/docs', toExpress(swaggerUi({ title: 'Shop' })));
