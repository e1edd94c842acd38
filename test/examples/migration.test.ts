import type { RequestListener } from 'node:http';
import { createApp, steps } from '../../examples/migration/app.js';
import { visit } from '../../examples/migration/visit.js';
import { listening } from '../support/frameworks.js';

const secretKey = 'a secret that both services know';
const seen = [
  ['GET /cart', 401, { detail: 'Log in first' }],
  ['GET /items/1', 200, { id: '1', name: 'chair' }],
  ['GET /items/3', 404, { detail: 'Item not found' }],
  ['POST /login/ada', 200, { user: 'ada' }],
  ['POST /cart/1', 201, { user: 'ada', cart: ['1'] }],
  ['POST /cart/2', 201, { user: 'ada', cart: ['1', '2'] }],
  ['GET /cart', 200, { user: 'ada', cart: ['1', '2'] }],
];

// A stand-in for the service that is being migrated; npm run test:starlette runs the same with FastAPI
// itself.
it.each([0, 1, 2, 3])('a service looks the same to its users with %i of its paths migrated', async count => {
  const stays = createApp('http://127.0.0.1:9', secretKey, steps);
  await listening(stays as RequestListener, async url => {
    expect(await visit(createApp(url, secretKey, steps.slice(0, count)))).toEqual(seen);
  });
});
