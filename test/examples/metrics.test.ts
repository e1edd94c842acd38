import request from 'supertest';
import { app, requests } from '../../examples/metrics/app.js';

it('counts requests by the template of their route', async () => {
  for (const path of ['/users/rick/items/1', '/users/morty/items/2', '/nothing'])
    await request(app).get(path);
  expect([...requests]).toEqual([
    ['GET /users/:user/items/:id 200', 2],
    ['GET none 404', 1],
  ]);
});
