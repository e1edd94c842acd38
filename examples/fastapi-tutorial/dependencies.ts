// https://fastapi.tiangolo.com/tutorial/dependencies/
import { Depends, dependency, endpoint, Layer } from 'callnext';
import { Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const commonParameters = dependency(
  {
    q: Query(z.string().nullable().default(null)),
    skip: Query(z.int().default(0)),
    limit: Query(z.int().default(100)),
  },
  ({ q, skip, limit }) => ({ q, skip, limit }),
);

// FastAPI: `CommonsDep = Annotated[dict, Depends(common_parameters)]`.
const commons = Depends(commonParameters);

const readItems = endpoint({ commons }, ({ commons: given }) => given);
const readUsers = endpoint({ commons }, ({ commons: given }) => given);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'get', path: '/items', endpoint: readItems },
    { method: 'get', path: '/users', endpoint: readUsers },
  ],
};
