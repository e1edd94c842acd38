// https://fastapi.tiangolo.com/tutorial/dependencies/classes-as-dependencies/
import { Depends, dependency, endpoint, Layer } from 'callnext';
import { Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const fakeItemsDb = [
  { item_name: 'Foo' },
  { item_name: 'Bar' },
  { item_name: 'Baz' },
];

class CommonQueryParams {
  readonly q: string | undefined;
  readonly skip: number;
  readonly limit: number;

  constructor(q: string | undefined, skip: number, limit: number) {
    this.q = q;
    this.skip = skip;
    this.limit = limit;
  }
}

// JavaScript cannot call a class without `new`, so a function makes the object.
const commonQueryParams = dependency(
  {
    q: Query(z.string().optional()),
    skip: Query(z.int().default(0)),
    limit: Query(z.int().default(100)),
  },
  ({ q, skip, limit }) => new CommonQueryParams(q, skip, limit),
);

const readItems = endpoint(
  { commons: Depends(commonQueryParams) },
  ({ commons: { q, skip, limit } }) => ({
    ...(q && { q }),
    items: fakeItemsDb.slice(skip, skip + limit),
  }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [{ method: 'get', path: '/items', endpoint: readItems }],
};
