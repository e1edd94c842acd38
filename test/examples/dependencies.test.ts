import { TestClient } from 'callnext/testing';
import { app, journal, layer } from '../../examples/dependencies/app.js';

describe('the app of docs/reference/dependencies.md', () => {
  const client = new TestClient(app, { layer, settle: true });
  const headers = { authorization: 'secret' };
  beforeEach(() => {
    journal.length = 0;
  });
  afterAll(() => client.close());

  it.each(['/me', '/legacy/me'])('gives %s the user and closes the database', async path => {
    expect(await (await client.get(path, { headers })).json()).toEqual({ name: 'ada' });
    expect(journal).toEqual(['open', 'close']);
  });

  it.each(['/me', '/legacy/me'])('refuses %s to an unknown user, and closes the database', async path => {
    expect((await client.get(path)).status).toBe(401);
    expect(journal).toEqual(['open', 'close']);
  });

  it('shares a value, unless useCache is false', async () => {
    expect(await (await client.get('/numbers')).json()).toEqual({ isShared: true, isNew: true });
  });

  it('makes an object of a class', async () => {
    expect(await (await client.get('/page?limit=5')).json()).toBe(5);
  });

  it('commits when the block has ended', async () => {
    expect((await client.post('/legacy/orders', { headers })).status).toBe(201);
    expect(journal).toEqual(['begin', 'open', 'insert ada', 'commit for a 201', 'close']);
  });

  it('rolls back when a later dependency refuses', async () => {
    expect((await client.post('/legacy/orders')).status).toBe(401);
    expect(journal).toEqual(['begin', 'open', 'close', 'rollback']);
  });
});
