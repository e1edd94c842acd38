// https://fastapi.tiangolo.com/tutorial/dependencies/global-dependencies/
import { Depends, endpoint, Layer } from 'callnext';
import { verifyKey, verifyToken } from './dependencies-in-decorators.js';
import type { Page } from './page.js';

// FastAPI(dependencies=[Depends(verify_token), Depends(verify_key)])
const layer = new Layer({
  dependencies: [Depends(verifyToken), Depends(verifyKey)],
});

const readItems = endpoint({}, () => [
  { item: 'Portal Gun' },
  { item: 'Plumbus' },
]);
const readUsers = endpoint({}, () => [
  { username: 'Rick' },
  { username: 'Morty' },
]);

export const page: Page = {
  layer,
  routes: [
    { method: 'get', path: '/items', endpoint: readItems },
    { method: 'get', path: '/users', endpoint: readUsers },
  ],
};
