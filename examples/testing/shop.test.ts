import { override, TestClient } from 'callnext/testing';
import { app, getDb, layer } from './shop.js';

let client: TestClient;
beforeEach(() => {
  jest.spyOn(console, 'log').mockImplementation(() => undefined);
  client = new TestClient(app);
});
afterEach(async () => {
  await client.settled();
  await client.close();
  jest.restoreAllMocks();
});

it('adds an item', async () => {
  const response = await client.post('/items', { json: { name: 'table' } });
  expect([response.status, await response.json()]).toEqual([201, { count: 2 }]);
});

it('notifies after the database has been closed', async () => {
  await client.post('/items', { json: { name: 'table' } });
  await client.settled();
  expect(client.trace).toEqual([
    'audit before',
    'getDb enter',
    'addItem',
    'audit after 201',
    'sent 201',
    'getDb exit',
    'task notify',
  ]);
});

it('works on another database', async () => {
  const db = { names: ['chair', 'table'] };
  const restore = override(layer, getDb, () => db);
  await client.post('/items', { json: { name: 'lamp' } });
  restore();
  expect(db.names).toEqual(['chair', 'table', 'lamp']);
});
