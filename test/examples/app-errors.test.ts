import { TestClient } from 'callnext/testing';
import { app as expressApp } from '../../examples/app-errors/express.js';
import { app as koaApp } from '../../examples/app-errors/koa.js';

describe.each([
  ['Express', expressApp],
  ['Koa', koaApp],
])('the format of an app on %s', (_name, app) => {
  const client = new TestClient(app as never);
  afterAll(() => client.close());

  it.each<[string, number, object]>([
    ['none', 404, { error: { status: 404, message: 'No such item' } }],
    ['chair', 409, { error: { status: 409, message: 'No chairs left' } }],
    ['table', 200, { item: 'table' }],
  ])('applies to every error: %s', async (item, status, body) => {
    const response = await client.get(`/orders/${item}`);
    expect([response.status, await response.json()]).toEqual([status, body]);
    expect(response.headers.get('x-hint')).toBe(item === 'none' ? 'new' : null);
  });

  it('does not apply to a redirect', async () => {
    const response = await client.get('/orders/old', { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/orders/new']);
  });
});
