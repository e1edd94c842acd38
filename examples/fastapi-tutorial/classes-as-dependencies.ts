// https://fastapi.tiangolo.com/tutorial/dependencies/classes-as-dependencies/
import { Depends, endpoint, type Injected, Layer } from 'callnext';
import type { Page } from './page.js';

const fakeItemsDb = [
  { item_name: 'Foo' },
  { item_name: 'Bar' },
  { item_name: 'Baz' },
];

class CommonQueryParams {
  readonly q: string | null;
  readonly skip: number;
  readonly limit: number;

  constructor({ request: { queryParams } }: Injected) {
    this.q = queryParams.get('q');
    this.skip = Number(queryParams.get('skip') ?? 0);
    this.limit = Number(queryParams.get('limit') ?? 100);
  }
}

// A class is not called without `new` in JavaScript, so a function makes the object.
const commons = Depends((context: Injected) => new CommonQueryParams(context));

const readItems = endpoint({ commons }, ({ commons: { q, skip, limit } }) => ({
  ...(q && { q }),
  items: fakeItemsDb.slice(skip, skip + limit),
}));

export const page: Page = {
  layer: new Layer(),
  routes: [{ method: 'get', path: '/items', endpoint: readItems }],
};
