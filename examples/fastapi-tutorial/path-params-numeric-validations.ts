// https://fastapi.tiangolo.com/tutorial/path-params-numeric-validations/
import { endpoint, Layer } from 'callnext';
import { Path, Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const readItem = endpoint(
  {
    q: Query(),
    itemId: Path(z.int().min(0).max(1000), { alias: 'item_id' }),
    size: Query(z.number().gt(0).lt(10.5)),
  },
  ({ itemId, q, size }) => ({ item_id: itemId, ...(q && { q }), size }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [{ method: 'get', path: '/items/:item_id', endpoint: readItem }],
};
