import { TestClient } from 'callnext/testing';
import { app as expressApp, inspect as expressInspector } from '../../examples/inspector/express.js';
import { app as koaApp, inspect as koaInspector } from '../../examples/inspector/koa.js';
import { readBatch } from '../inspector/read-batch.js';

afterAll(() => {
  expressInspector[Symbol.dispose]();
  koaInspector[Symbol.dispose]();
});

it('shows the requests of the app while it is developed', async () => {
  const client = new TestClient(expressApp);
  await client.get('/items/1');
  await client.settled();
  const { records } = await readBatch(client);
  expect(records).toMatchObject([{ path: '/items/1', route: '/items/:id', status: 200 }]);
  await client.close();
});

it('is there in production for those who have the token', async () => {
  const client = new TestClient(koaApp);
  const authorization = 'Bearer only for this example';
  expect((await client.get('/inspector')).status).toBe(403);
  expect((await client.get('/inspector', { headers: { authorization } })).status).toBe(200);
  await client.close();
});
