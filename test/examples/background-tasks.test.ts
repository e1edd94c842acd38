import { TestClient } from 'callnext/testing';
import { mails as expressMails, app as onExpress } from '../../examples/background-tasks/express.js';
import { mails as koaMails, app as onKoa } from '../../examples/background-tasks/koa.js';

describe('background tasks of native handlers', () => {
  beforeEach(() => jest.spyOn(console, 'error').mockImplementation(() => undefined));
  afterEach(() => jest.restoreAllMocks());

  it('run on Express after the response, and never after a 5xx', async () => {
    const client = new TestClient(onExpress as never, { settle: true });
    const response = await client.post('/orders', { json: { email: 'ada@example.com' } });
    expect([response.status, response.headers.get('x-request-id')]).toEqual([201, '7']);
    expect((await client.post('/orders', { json: {} })).status).toBe(500);
    expect(expressMails).toEqual(['ada@example.com']);
    await client.close();
  });

  it('run on Koa in the order they were added', async () => {
    const client = new TestClient(onKoa as never, { settle: true });
    await client.post('/', { json: { email: 'ada@example.com' } });
    expect(koaMails).toEqual(['ada@example.com', 'audit@example.com']);
    await client.close();
  });
});
