import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import request from 'supertest';
import { app } from '../../examples/smallest/app.js';
import { app as koaApp } from '../../examples/smallest/koa.js';

const root = path.join(__dirname, '../..');

it.each([
  ['README.md', 'examples/smallest/app.ts'],
  ['docs/guides/add-to-express.md', 'examples/existing/app.ts'],
  ['docs/reference/bodies.md', 'examples/requests/app.ts'],
  ['docs/reference/middleware.md', 'examples/middleware/app.ts'],
  ['docs/reference/order.md', 'examples/error-headers/app.ts'],
  ['docs/reference/layer.md', 'examples/transactions/server.ts'],
])('%s shows %s as it is', (page, name) => {
  const file = readFileSync(path.join(root, name), 'utf8');
  const text = readFileSync(path.join(root, page), 'utf8');
  expect(text).toContain(`<!-- ${name} -->\n\`\`\`ts\n${file}\`\`\``);
});

it('shows the transaction of examples/transactions as it is', () => {
  const file = readFileSync(path.join(root, 'examples/transactions/shop.ts'), 'utf8');
  const [shown] = /export const getTransaction = [\s\S]*?\n\);\n/.exec(file) ?? [];
  expect(readFileSync(path.join(root, 'docs/reference/order.md'), 'utf8')).toContain(
    `\`\`\`ts\n${shown}\`\`\``,
  );
});

const pages = readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.md'))
  .map(name => `docs/${name}`);

it.each(['README.md', 'bench/README.md', ...pages])('%s links to files that exist', page => {
  const text = readFileSync(path.join(root, page), 'utf8');
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(match => match[1] ?? '');
  const missing = links.filter(link => !existsSync(path.join(root, path.dirname(page), link)));
  expect(missing).toEqual([]);
});

/** Anchors of a page's headings that GitHub and the site share; on the site, none starts with a digit. */
const anchorsOf = (page: string) => {
  const headings = [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(match => match[1] ?? '');
  const onGitHub = headings.map(heading =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
  const onSite = headings.map(heading => {
    const words = heading.toLowerCase().replace(/[\s~`!@#$%^&*()\-_+=[\]{}|\\;:"'“”‘’<>,.?/]+/g, '-');
    return words.replace(/^-+|-+$/g, '').replace(/^(\d)/, '_$1');
  });
  return onGitHub.filter(anchor => onSite.includes(anchor));
};

it.each(['README.md', 'bench/README.md', ...pages])(
  '%s links to headings that exist on GitHub and on the site',
  page => {
    const text = readFileSync(path.join(root, page), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)];
    const missing = links.filter(([, file, anchor]) => {
      const target = file ? path.join(root, path.dirname(page), file) : path.join(root, page);
      return !anchorsOf(target).includes(anchor ?? '');
    });
    expect(missing.map(([link]) => link)).toEqual([]);
  },
);

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
