import request from 'supertest';
import { app } from '../../examples/error-headers/app.js';

app.set('env', 'test');

it.each([
  ['/fine', 200],
  ['/broken', 500],
  ['/nowhere', 404],
])('examples/error-headers: a page of another origin can read %s', async (path, status) => {
  const response = await request(app).get(path);
  expect(response.status).toBe(status);
  expect(response.headers).toMatchObject({ 'access-control-allow-origin': '*' });
});
