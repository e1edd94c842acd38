import { readFileSync } from 'node:fs';
import path from 'node:path';
import { toExpress } from 'callnext/express';
import { TestClient } from 'callnext/testing';
import express from 'express';
import { app, appWithOwnErrors, koaApp } from '../../examples/parameters/app.js';
import { withArkType, withValibot, withZod } from '../../examples/parameters/libraries.js';

type Sent = Parameters<TestClient['fetch']>[1];

async function ask(listener: ConstructorParameters<typeof TestClient>[0], asked: string, sent: Sent = {}) {
  await using client = new TestClient(listener);
  const response = await client.fetch(asked, sent);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const invalid = { method: 'PUT', json: { name: '' } };

describe('declared parameters in the guide', () => {
  it.each([
    ['Express', app],
    ['Koa', koaApp],
  ])('answer on %s as the page shows', async (_name, each) => {
    const page = readFileSync(path.join(__dirname, '../../docs/guides/parameters.md'), 'utf8');
    const shown = /`PUT \/items\/foo\?dry-run=maybe`[\s\S]*?```\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    const { status, body } = await ask(each, '/items/foo?dry-run=maybe', invalid);
    expect([status, body]).toEqual([422, JSON.parse(shown)]);
    const item = { name: 'table', price: 90.5, tags: ['oak'] };
    expect((await ask(each, '/items/7?dry-run=yes', { method: 'PUT', json: item })).body).toEqual({
      id: 7,
      ...item,
    });
    expect((await ask(each, '/items?skip=5&tag=a&tag=b')).body).toEqual({
      skip: 5,
      limit: 100,
      tag: ['a', 'b'],
    });
    expect((await ask(each, '/items?page=2')).body).toMatchObject({
      detail: [{ type: 'extra_forbidden', loc: ['query', 'page'] }],
    });
  });

  it('are optional, have defaults, and are converted', async () => {
    expect((await ask(app, '/search?q=chair')).body).toEqual({
      q: 'chair',
      limit: 10,
      order: null,
      tag: [],
    });
    expect((await ask(app, '/search?q=&limit=5&order=price&tag=a&after=2026-11-29')).body).toEqual({
      q: '',
      limit: 5,
      order: 'price',
      tag: ['a'],
      after: '2026-11-29',
    });
    expect((await ask(app, '/search')).body).toMatchObject({ detail: [{ type: 'missing' }] });
  });

  it('belong to dependencies, guards and native handlers', async () => {
    const headers = { 'x-token': 'secret', cookie: 'theme=dark' };
    expect((await ask(app, '/me', { headers })).body).toEqual({ name: 'ada', theme: 'dark' });
    expect((await ask(app, '/me')).status).toBe(422);
    expect((await ask(app, '/me', { headers: { 'x-token': 'other' } })).status).toBe(401);
    expect((await ask(app, '/admin/report?limit=3')).status).toBe(422);
    expect((await ask(app, '/admin/report?limit=3', { headers })).body).toEqual({ limit: 3 });
    expect((await ask(app, '/admin/report?limit=x', { headers })).body).toMatchObject({
      detail: [{ type: 'int_parsing', loc: ['query', 'limit'] }],
    });
  });

  it('read bodies, forms and files, and filter what is returned', async () => {
    const json = { item: { name: 'chair', price: 50 }, buyer: { name: 'ada' } };
    expect((await ask(app, '/purchases', { method: 'POST', json })).body).toEqual({
      bought: 'chair',
      by: 'ada',
    });
    const form = new FormData();
    form.append('title', 'Report');
    form.append('report', new Blob(['12345']), 'report.txt');
    expect((await ask(app, '/uploads', { method: 'POST', body: form })).body).toEqual({
      title: 'Report',
      size: 5,
      pictures: [],
    });
    expect((await ask(app, '/chair')).body).toEqual({ name: 'chair', price: 50, tags: [] });
  });

  it('let an exception handler answer invalid requests', async () => {
    const { status, body } = await ask(appWithOwnErrors, '/items/0', {
      method: 'PUT',
      json: { name: 'chair', price: 50 },
    });
    expect([status, body]).toEqual([
      400,
      { problems: [{ loc: ['path', 'item_id'], msg: 'Input should be greater than or equal to 1' }] },
    ]);
  });

  it.each([
    ['Zod', withZod],
    ['Valibot', withValibot],
    ['ArkType', withArkType],
  ])('have schemas of %s', async (_library, endpoint) => {
    const each = express().get('/', toExpress(endpoint));
    expect((await ask(each, '/?limit=5')).body).toEqual({ limit: 5 });
    expect((await ask(each, '/?limit=101')).body).toMatchObject({
      detail: [{ type: 'less_than_equal', loc: ['query', 'limit'], input: '101', ctx: { le: 100 } }],
    });
  });
});
