import type { RequestListener } from 'node:http';
import request from 'supertest';
import { apps as expressApps } from '../../examples/fastapi-advanced-middleware/app.js';
import { apps as koaApps } from '../../examples/fastapi-advanced-middleware/koa.js';
import { app as corsOnExpress } from '../../examples/fastapi-cors/app.js';
import { app as corsOnKoa } from '../../examples/fastapi-cors/koa.js';
import { app, order } from '../../examples/middleware/app.js';
import { ask } from '../support/ask.js';
import { listening } from '../support/frameworks.js';

describe.each([
  ['Express', corsOnExpress as RequestListener],
  ['Koa', corsOnKoa.callback()],
])("FastAPI's page on CORS, on %s", (_name, listener) => {
  it('answers a listed origin', async () => {
    const response = await request(listener).get('/').set('origin', 'http://localhost:8080');
    expect(response.body).toEqual({ message: 'Hello World' });
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': 'http://localhost:8080',
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    });
  });

  it('answers an unlisted origin without the header', async () => {
    const response = await request(listener).get('/').set('origin', 'http://localhost:3000');
    expect(response.body).toEqual({ message: 'Hello World' });
    expect(response.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('answers a preflight', async () => {
    const response = await request(listener)
      .options('/')
      .set('origin', 'https://localhost.tiangolo.com')
      .set('access-control-request-method', 'GET')
      .set('access-control-request-headers', 'X-Example');
    expect([response.status, response.text]).toEqual([200, 'OK']);
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': 'https://localhost.tiangolo.com',
      'access-control-allow-headers': 'X-Example',
    });
  });
});

describe.each([
  ['Express', expressApps],
  ['Koa', koaApps],
])("FastAPI's page on advanced middleware, on %s", (_name, apps) => {
  const get = (name: string, headers: Record<string, string>) =>
    listening(apps[name] as RequestListener, (_url, port) => ask(port, { headers }));

  it('redirects to https', async () => {
    const { status, headers } = await get('httpsRedirect', { host: 'example.com' });
    expect([status, headers.location]).toEqual([307, 'https://example.com/']);
  });

  it('serves only its own hosts', async () => {
    for (const host of ['example.com', 'subdomain.example.com'])
      expect((await get('trustedHost', { host })).text).toBe('{"message":"Hello World"}');
    const { status, text } = await get('trustedHost', { host: 'invalidhost' });
    expect([status, text]).toEqual([400, 'Invalid host header']);
  });

  it('compresses large responses', async () => {
    const { headers, body } = await get('gzip', { 'accept-encoding': 'gzip' });
    expect(headers['content-encoding']).toBe('gzip');
    expect(body.length).toBeLessThan(100);
  });
});

describe('an app with several of them', () => {
  it('logs in and serves its members', async () => {
    const client = request.agent(app);
    expect((await client.get('/me')).status).toBe(403);
    expect((await client.get('/members/news')).body).toEqual({ detail: 'Forbidden' });
    expect((await client.post('/login').send({ name: 'ada' })).body).toEqual({ welcome: 'ada' });
    expect((await client.get('/me')).body).toEqual({ name: 'ada' });
    const news = await client
      .get('/members/news')
      .set({ 'accept-encoding': 'br', origin: 'https://app.example' });
    expect(news.text).toBe('<h1>News</h1>'.repeat(100)); // the client has decoded it
    expect(news.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'content-encoding': 'br',
      vary: 'Cookie, Accept-Encoding, Origin',
      'x-frame-options': 'SAMEORIGIN',
      'x-request-id': expect.any(String),
    });
  });

  it('describes its order', () => {
    expect(order).toContain('requestId { header: "x-request-id"');
    expect(order.split('\n').map(line => line.trim().split(' ')[0])).toEqual([
      'requestId',
      'cors',
      'gzip',
      'helmetMiddleware',
      'sessions',
      'authentication',
      '(routes)',
    ]);
    expect(order).not.toContain('secret"');
  });
});
