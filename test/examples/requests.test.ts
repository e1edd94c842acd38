import { createHmac } from 'node:crypto';
import request from 'supertest';
import { app } from '../../examples/requests/app.js';

describe('an app whose bodies have several readers', () => {
  it('checks a signature over bytes that express.json() already read', async () => {
    const body = '{"paid":  1}';
    const signature = createHmac('sha256', 'a secret shared with the sender').update(body).digest('hex');
    const post = (sent: string) =>
      request(app)
        .post('/webhook')
        .set({ 'content-type': 'application/json', 'x-signature': signature })
        .send(sent);
    expect((await post(body)).body).toEqual({ paid: 1 });
    expect((await post('{"paid": 1}')).status).toBe(401);
  });

  it('accepts one upload and no more', async () => {
    const file = Buffer.alloc(200_000, 'x');
    const one = await request(app).post('/upload').attach('report', file, 'a.txt');
    expect(one.body).toEqual({ name: 'a.txt', size: 200_000 });
    const two = await request(app)
      .post('/upload')
      .attach('report', file, 'a.txt')
      .attach('report', file, 'b.txt');
    expect([two.status, two.body]).toEqual([
      400,
      { detail: 'Too many files. Maximum number of files is 1.' },
    ]);
  });

  it('resumes the countdown where the client left off', async () => {
    const response = await request(app).get('/countdown').set('last-event-id', '2');
    expect(response.text).toBe('data: {"left":1}\nid: 1\n\n');
  });

  it('runs a Hono app behind a body parser', async () => {
    expect((await request(app).post('/api/echo').send({ a: 1 })).body).toEqual({ a: 1 });
  });
});
