import { TestClient } from 'callnext/testing';
import { market, orders, server } from '../../examples/fragments/app.js';

describe('snippets from docs/', () => {
  const client = new TestClient(server);
  afterAll(() => client.close());

  it('a form with a file', async () => {
    const form = new FormData();
    form.set('report', new File(['content'], 'report.txt', { type: 'text/plain' }));
    expect(await (await client.post('/upload', { body: form })).json()).toEqual({
      name: 'report.txt',
      type: 'text/plain',
      size: 7,
      isOnDisk: false,
    });
    expect((await client.post('/upload', { body: new FormData() })).status).toBe(422);
  });

  it('another body', async () => {
    const response = await client.put('/text', {
      body: 'what colour',
      headers: { 'content-type': 'text/plain' },
    });
    expect(await response.text()).toBe('what color');
  });

  it('the bytes that a parser has read', async () => {
    const headers = { 'content-type': 'application/json' };
    expect(await (await client.post('/raw', { body: '{ "a": 1 }', headers })).json()).toBe('{ "a": 1 }');
  });

  it('a guard by path', async () => {
    expect((await client.get('/Internal/stats')).status).toBe(403);
    const response = await client.get('/internal/stats', { headers: { 'x-key': 'secret' } });
    expect(await response.text()).toBe('stats');
  });

  it('events', async () => {
    const response = await client.get('/prices');
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const tick = setInterval(() => market.emit('price', { id: 7, price: 12 }), 5);
    const { value } = await reader.read();
    clearInterval(tick);
    expect(new TextDecoder().decode(value)).toContain('event: price\ndata: {"id":7,"price":12}\nid: 7');
    await reader.cancel();
  });

  it('a file that is closed', async () => {
    expect(await (await client.get('/licence')).json()).toEqual({ title: 'MIT License' });
  });

  it('what Express knows', async () => {
    const response = await client.get('/agent', { headers: { 'user-agent': 'a test' } });
    expect(await response.json()).toBe('a test');
  });

  it('a store that a dependency fills', async () => {
    const response = await client.get('/audit', { headers: { 'x-user': 'ada' } });
    expect(await response.json()).toEqual({ user: 'ada' });
  });

  it('a block with dependencies', async () => {
    const response = await client.post('/orders', { headers: { 'user-agent': 'a test' } });
    expect([response.status, await response.json()]).toEqual([201, { agent: 'a test' }]);
    expect(orders).toEqual(['a test']);
  });

  it('Fetch handlers', async () => {
    expect(await (await client.get('/api/hello')).text()).toBe('hello from hono');
    expect(await (await client.get('/auth/session')).text()).toBe('auth for /auth/session');
  });
});
