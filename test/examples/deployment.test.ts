import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { TestClient } from 'callnext/testing';
import { app, journal, layer, server, shutDown } from '../../examples/deployment/app.js';

it('sees the address and the scheme that the proxy forwards', async () => {
  const client = new TestClient(app, { socket: true });
  const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
  expect(await (await client.get('/me', { headers })).json()).toEqual({ ip: '203.0.113.7', secure: true });
  await client.close();
});

it('answers what it has accepted, runs its tasks, and resolves when all has ended', async () => {
  await layer.start();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const begun = once(server, 'request');
  const order = fetch(`${origin}/orders`, { method: 'POST' });
  await begun;
  const isShut = shutDown(0);
  const client = new TestClient(app);
  expect((await client.get('/ready')).status).toBe(503);
  await client.close();
  const response = await order;
  expect([response.status, await response.json()]).toEqual([201, { isOpen: true }]);
  expect(await isShut).toEqual([]);
  expect(journal).toEqual(['mail sent', 'pool closed']);
  expect(server.listening).toBe(false);
});
