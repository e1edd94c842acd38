import { TestClient } from 'callnext/testing';
import { app, cursors } from '../../examples/streams/app.js';

describe('examples/streams', () => {
  const client = new TestClient(app);
  afterAll(() => client.close());

  it.each([
    ['/orders', 'application/jsonl', '{"id":1,"item":"chair"}\n{"id":2,"item":"table"}\n'],
    [
      '/countdown',
      'text/event-stream; charset=utf-8',
      'data: {"left":3}\nid: 3\n\ndata: {"left":2}\nid: 2\n\ndata: {"left":1}\nid: 1\n\n',
    ],
    ['/completion', 'text/plain; charset=utf-8', 'Once upon a time'],
    ['/quotes/ACME', 'text/event-stream; charset=utf-8', 'data: {"symbol":"ACME","price":12}\n\n'],
  ])('%s is %s', async (path, type, text) => {
    const response = await client.get(path);
    expect([response.headers.get('content-type'), await response.text()]).toEqual([type, text]);
  });

  it('closes the source of a stream, and answers a missing file', async () => {
    const response = await client.get('/orders');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="orders.jsonl"');
    await response.text();
    await client.settled();
    expect(cursors.open).toBe(0);
    expect((await client.get('/quotes/NONE')).status).toBe(404);
  });
});
