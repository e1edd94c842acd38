import request from 'supertest';
import { app, journal } from '../../examples/existing/app.js';

describe('an existing app with a guard, a transaction and an error middleware', () => {
  beforeEach(() => {
    journal.length = 0;
  });
  /** The events after the response, which the client receives first. */
  const journalOf = async (length: number): Promise<string[]> => {
    while (journal.length < length) await new Promise(resolve => setImmediate(resolve));
    return journal;
  };
  const asked = (path: string) => request(app).get(path).set('authorization', 'Bearer secret');

  it('refuses a request without a token', async () => {
    const response = await request(app).get('/admin/orders');
    expect([response.status, response.body]).toEqual([401, { detail: 'No token' }]);
    expect(journal).toEqual([]);
  });

  it('commits when the answer was sent', async () => {
    expect((await asked('/admin/orders')).body).toEqual([{ id: 1, item: 'chair' }]);
    expect(await journalOf(2)).toEqual(['begin', 'commit']);
  });

  it('rolls back on failure and lets the app answer it', async () => {
    const response = await asked('/admin/orders?fail=1');
    expect([response.status, response.body]).toEqual([409, { error: 'Out of stock' }]);
    expect(await journalOf(2)).toEqual(['begin', 'rollback']);
  });
});
