// https://fastapi.tiangolo.com/advanced/testing-dependencies/: the app is
// dependencies.ts, and its test is test/examples/fastapi-tutorial.test.ts
import { Depends, dependency, endpoint, Layer } from 'callnext';
import { Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

export const commonParameters = dependency(
  {
    q: Query(z.string().nullable().default(null)),
    skip: Query(z.int().default(0)),
    limit: Query(z.int().default(100)),
  },
  async ({ q, skip, limit }) => ({ q, skip, limit }),
);

const readItems = endpoint(
  { params: Depends(commonParameters) },
  ({ params }) => ({
    message: 'Hello Items!',
    params,
  }),
);
const readUsers = endpoint(
  { params: Depends(commonParameters) },
  ({ params }) => ({
    message: 'Hello Users!',
    params,
  }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'get', path: '/items', endpoint: readItems },
    { method: 'get', path: '/users', endpoint: readUsers },
  ],
};
