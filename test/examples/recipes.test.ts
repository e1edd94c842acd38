import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { override, TestClient } from 'callnext/testing';
import { app as errorFormat, reported } from '../../examples/recipes/error-format.js';
import { app as jwtLogin } from '../../examples/recipes/jwt-login.js';
import { lines, app as logging } from '../../examples/recipes/logging.js';
import { getSettings, app as settings, layer as settingsLayer } from '../../examples/recipes/settings.js';
import { app as staticFiles } from '../../examples/recipes/static-files.js';
import { app as templates } from '../../examples/recipes/templates.js';
import { app as validation } from '../../examples/recipes/validation.js';
import { journal, serve } from '../../examples/recipes/web-sockets.js';

async function withClient(
  app: ConstructorParameters<typeof TestClient>[0],
  use: (client: TestClient) => Promise<void>,
): Promise<void> {
  const client = new TestClient(app, { settle: true });
  try {
    await use(client);
  } finally {
    await client.close();
  }
}

it('validates what a native route needs and answers 422 with all errors', () =>
  withClient(validation, async client => {
    const good = await client.post('/items', { json: { name: 'chair', price: 12, extra: true } });
    expect([good.status, await good.json()]).toEqual([201, { name: 'chair', price: 12, stored: 1 }]);
    const bad = await client.post('/items?dry-run=maybe', { json: { name: '', price: 12 } });
    const { detail } = (await bad.json()) as { detail: { loc: string[] }[] };
    expect([bad.status, detail.map(({ loc }) => loc)]).toEqual([
      422,
      [
        ['query', 'dry-run'],
        ['body', 'name'],
      ],
    ]);
  }));

it('signs a token at the login and verifies it for endpoints and native routes', () =>
  withClient(jwtLogin, async client => {
    expect((await client.post('/login', { json: { name: 'ada', password: 'x' } })).status).toBe(401);
    expect((await client.post('/login', { json: { name: 'bob' } })).status).toBe(401);
    const login = await client.post('/login', { json: { name: 'ada', password: 'lovelace' } });
    const { access_token: token } = (await login.json()) as { access_token: string };
    const headers = { authorization: `Bearer ${token}` };
    expect(await (await client.get('/me', { headers })).json()).toEqual({ name: 'ada' });
    expect(await (await client.get('/admin/report', { headers })).json()).toEqual({ for: 'ada' });
  }));

it.each(['/me', '/admin/report'])('refuses a forged token for %s', path =>
  withClient(jwtLogin, async client => {
    const headers = { authorization: 'Bearer forged' };
    const response = await client.get(path, { headers });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  }),
);

it('answers the errors of guards and native routes in one format', () =>
  withClient(errorFormat, async client => {
    expect(await (await client.get('/admin')).json()).toEqual({
      error: { status: 403, message: 'Admins only' },
    });
    const broken = await client.get('/broken');
    expect([broken.status, await broken.json()]).toEqual([
      500,
      { error: { status: 500, message: 'Internal error' } },
    ]);
    expect(reported).toMatchObject([{ message: 'the database is gone' }]);
  }));

it('logs with the id of the request, from the handler to the failed task', () =>
  withClient(logging, async client => {
    await client.get('/orders', { headers: { 'x-request-id': 'one' } });
    await client.get('/broken', { headers: { 'x-request-id': 'two' } });
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { requestId: 'one', msg: 'reading orders' },
      { requestId: 'one', msg: 'answered', method: 'GET', path: '/orders', status: 200 },
      { requestId: 'one', phase: 'background', where: 'GET /orders', name: 'sendMail' },
      { requestId: 'two', msg: 'failed', err: { message: 'the database is gone' } },
    ]);
  }));

it('refuses to start with wrong settings', async () => {
  process.env.ITEMS_PER_USER = 'many';
  await expect(settingsLayer.start()).rejects.toThrow('ITEMS_PER_USER is not a whole number.');
  delete process.env.ITEMS_PER_USER;
  await settingsLayer.start();
});

it('replaces the settings in a test', () =>
  withClient(settings, async client => {
    const fake = { appName: 'test', itemsPerUser: 1 };
    const restore = override(settingsLayer, getSettings, () => fake);
    expect(await (await client.get('/info')).json()).toEqual(fake);
    restore();
    expect(await (await client.get('/info')).json()).toEqual({ appName: 'Awesome API', itemsPerUser: 50 });
  }));

it('escapes the values of a template', () =>
  withClient(templates, async client => {
    const response = await client.get('/hello?name=<ada>');
    expect(await response.text()).toBe('<h1>Hello &#60;ada&#62;</h1>');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  }));

it('serves static files with the header of the middleware, and one behind a guard', () =>
  withClient(staticFiles, async client => {
    const page = await client.get('/docs/README.md', { headers: { range: 'bytes=0-14' } });
    expect([page.status, await page.text()]).toEqual([206, '# Documentation']);
    expect(page.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect((await client.get('/download')).status).toBe(403);
    const file = await client.get('/download?key=secret');
    expect(file.headers.get('content-disposition')).toBe('attachment; filename=licence.txt');
  }));

it.each([
  ['a-token', 101],
  ['another', 401],
])('opens a WebSocket with the token %s: %d', async (token, status) => {
  journal.length = 0;
  const server = serve((request, socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.end(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n' +
        `sec-websocket-accept: ${accept}\r\n\r\n`,
    );
    journal.push('accepted');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = http.get({
    port: (server.address() as AddressInfo).port,
    path: `/?token=${token}`,
    headers: { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
  });
  const [response] = await Promise.race([once(asked, 'upgrade'), once(asked, 'response')]);
  expect(response.statusCode).toBe(status);
  expect(journal).toEqual(status === 101 ? ['open', 'close', 'accepted'] : ['open', 'close']);
  asked.destroy();
  server.close();
});
