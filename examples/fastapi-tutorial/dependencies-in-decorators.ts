// https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-in-path-operation-decorators/
import {
  Depends,
  endpoint,
  HTTPException,
  type Injected,
  Layer,
} from 'callnext';
import type { Page } from './page.js';

export async function verifyToken({ request }: Injected): Promise<void> {
  if (request.headers.get('x-token') !== 'fake-super-secret-token')
    throw new HTTPException(400, 'X-Token header invalid');
}

export async function verifyKey({ request }: Injected): Promise<string> {
  const key = request.headers.get('x-key');
  if (key !== 'fake-super-secret-key')
    throw new HTTPException(400, 'X-Key header invalid');
  return key;
}

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
