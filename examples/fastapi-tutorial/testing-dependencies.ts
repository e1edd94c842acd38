// https://fastapi.tiangolo.com/advanced/testing-dependencies/: the app is that of dependencies.ts, its test is test/examples/fastapi-tutorial.test.ts
import { Depends, endpoint, type Injected, Layer } from 'callnext';
import type { Page } from './page.js';

export async function commonParameters({ request }: Injected) {
  const { queryParams } = request;
  return {
    q: queryParams.get('q'),
    skip: Number(queryParams.get('skip') ?? 0),
    limit: Number(queryParams.get('limit') ?? 100),
  };
}

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
