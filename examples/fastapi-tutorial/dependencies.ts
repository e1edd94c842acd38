// https://fastapi.tiangolo.com/tutorial/dependencies/
import { Depends, endpoint, type Injected, Layer } from 'callnext';
import type { Page } from './page.js';

function commonParameters({ request }: Injected) {
  const { queryParams } = request;
  return {
    q: queryParams.get('q'),
    skip: Number(queryParams.get('skip') ?? 0),
    limit: Number(queryParams.get('limit') ?? 100),
  };
}

// What `CommonsDep = Annotated[dict, Depends(common_parameters)]` is there.
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
