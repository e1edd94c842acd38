// https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-in-path-operation-decorators/
import { Depends, dependency, endpoint, HTTPException, Layer } from 'callnext';
import { Header } from 'callnext/params';
import type { Page } from './page.js';

export const verifyToken = dependency({ xToken: Header() }, ({ xToken }) => {
  if (xToken !== 'fake-super-secret-token')
    throw new HTTPException(400, 'X-Token header invalid');
});

export const verifyKey = dependency({ xKey: Header() }, ({ xKey }) => {
  if (xKey !== 'fake-super-secret-key')
    throw new HTTPException(400, 'X-Key header invalid');
  return xKey;
});

const readItems = endpoint({}, () => [{ item: 'Foo' }, { item: 'Bar' }]);

export const page: Page = {
  layer: new Layer(),
  routes: [
    {
      method: 'get',
      path: '/items',
      dependencies: [Depends(verifyToken), Depends(verifyKey)],
      endpoint: readItems,
    },
  ],
};
