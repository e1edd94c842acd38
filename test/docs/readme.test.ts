import { readFileSync } from 'node:fs';
import path from 'node:path';
import request from 'supertest';
import { app } from '../../examples/smallest/app.js';
import { app as koaApp } from '../../examples/smallest/koa.js';

const root = path.join(__dirname, '../..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

it.each(['examples/smallest/app.ts', 'examples/existing/app.ts'])('shows %s as it is', name => {
  const file = readFileSync(path.join(root, name), 'utf8');
  expect(readme).toContain(`<!-- ${name} -->\n\`\`\`ts\n${file}\`\`\``);
});

it('shows the transaction of examples/transactions as it is', () => {
  const file = readFileSync(path.join(root, 'examples/transactions/shop.ts'), 'utf8');
  const [shown] = /export const getTransaction = [\s\S]*?\n\);\n/.exec(file) ?? [];
  expect(readme).toContain(`\`\`\`ts\n${shown}\`\`\``);
});

it.each(['examples/error-headers/app.ts', 'examples/transactions/server.ts'])(
  'shows %s as it is, in docs/order.md',
  name => {
    const file = readFileSync(path.join(root, name), 'utf8');
    expect(readFileSync(path.join(root, 'docs/order.md'), 'utf8')).toContain(
      `<!-- ${name} -->\n\`\`\`ts\n${file}\`\`\``,
    );
  },
);

it('links to files that exist', () => {
  const links = [...readme.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(match => match[1] ?? '');
  expect(links.length).toBeGreaterThan(0);
  for (const link of links)
    expect(() => readFileSync(path.join(root, link.replace(/\/$/, '/001-one-exchange.md')))).not.toThrow();
});

describe('the smallest program', () => {
  beforeEach(() => {
    jest.spyOn(console, 'log').mockImplementation(() => undefined);
  });
  afterEach(() => jest.restoreAllMocks());

  it('answers with its endpoint', async () => {
    const response = await request(app).get('/items/1');
    expect(response.status).toBe(200);
    expect(response.body).toEqual({ id: '1', name: 'chair' });
    expect(response.headers).toHaveProperty('x-process-time');
  });

  it('answers an HTTPException as FastAPI does', async () => {
    const response = await request(app).get('/items/2');
    expect(response.status).toBe(404);
    expect(response.body).toEqual({ detail: 'Item not found' });
    expect(response.headers).toHaveProperty('x-process-time');
  });

  it('leaves the old route as it was', async () => {
    const response = await request(app).get('/legacy');
    expect(response.text).toBe('{"ok":true}');
    expect(response.headers).toMatchObject({
      'content-length': '11',
      etag: expect.any(String),
      'x-process-time': expect.any(String),
    });
  });

  it('is as small on Koa', async () => {
    const response = await request(koaApp.callback()).get('/hello?name=you');
    expect(response.body).toEqual({ hello: 'you' });
  });
});
