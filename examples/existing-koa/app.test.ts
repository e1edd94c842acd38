import { TestClient } from 'callnext/testing';
import { app, journal } from './after.js';

it('keeps a note of who is logged in, in one transaction', async () => {
  const client = new TestClient(app);
  await client.post('/login', { json: { name: 'ada' } });
  const form = new FormData();
  form.set('text', 'buy milk');
  const response = await client.post('/notes', { body: form });
  expect([response.status, await response.json()]).toEqual([
    201,
    { owner: 'ada', text: 'buy milk' },
  ]);
  await client.settled(); // the code after the `yield` has run
  expect(journal.slice(-2)).toEqual(['begin POST', 'commit']);
  await client.close();
});
