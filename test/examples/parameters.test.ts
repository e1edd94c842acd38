import { readFileSync } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import Router from '@koa/router';
import { Depends, endpoint, HTTPException, JSONResponse, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { Body, Query } from 'callnext/params';
import { TestClient } from 'callnext/testing';
import express from 'express';
import Koa from 'koa';
import { z } from 'zod';
import { app, appWithOwnErrors, koaApp } from '../../examples/parameters/app.js';
import { withArkType, withValibot, withZod } from '../../examples/parameters/libraries.js';

type Sent = Parameters<TestClient['fetch']>[1];

async function ask(listener: ConstructorParameters<typeof TestClient>[0], asked: string, sent: Sent = {}) {
  await using client = new TestClient(listener);
  const response = await client.fetch(asked, sent);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const invalid = { method: 'PUT', json: { name: '' } };

const listed = endpoint({}, () => []);

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

  it('check several properties of a model once each of them is valid', async () => {
    const post = (json: object) => ask(app, '/stays', { method: 'POST', json });
    expect(await post({ from: '2026-11-28', to: '2026-11-30' })).toEqual({
      status: 200,
      body: { nights: 2 },
    });
    expect((await post({ from: '2026-11-30', to: '2026-11-28' })).body).toMatchObject({
      detail: [{ type: 'value_error', loc: ['body'], msg: 'Value error, The stay ends before it begins' }],
    });
    const { status, body } = await post({ from: 'x', to: '2026-11-28' });
    expect([status, body.detail]).toEqual([422, [expect.objectContaining({ loc: ['body', 'from'] })]]);
  });

  it('answer 500 if a refinement reads an invalid format, and 422 with `pipe`', async () => {
    const Day = z.iso.date().transform(text => new Date(text));
    const inOrder = ({ from, to }: { from: Date; to: Date }): boolean => from.getTime() < to.getTime();
    const statusWith = async (schema: z.ZodType): Promise<number> => {
      const layer = new Layer({ onError: () => undefined });
      layer.addExceptionHandler(Error, () => new JSONResponse({}, { status: 500 }));
      const each = express().use(toExpress(layer));
      each.post('/', toExpress(endpoint({ stay: Body(schema) }, () => 1)));
      const sent = { method: 'POST', json: { from: 'x', to: '2026-11-28' } };
      return (await ask(each, '/', sent)).status;
    };
    const days = z.object({ from: z.date(), to: z.date() });
    expect(await statusWith(z.object({ from: Day, to: Day }).refine(inOrder))).toBe(500);
    expect(await statusWith(z.object({ from: Day, to: Day }).pipe(days.refine(inOrder)))).toBe(422);
  });

  it('change the properties that were sent, and no others', async () => {
    const change = { method: 'PATCH', json: { name: 'table' } };
    expect((await ask(app, '/item', change)).body).toEqual({ name: 'table', tags: ['oak'] });
    expect((await ask(app, '/item', { method: 'PUT', json: { name: 'desk' } })).body).toEqual({
      name: 'desk',
      tags: [],
    });
    const Item = z.object({ name: z.string(), tags: z.array(z.string()).default([]) });
    expect(Item.partial().parse({ name: 'table' })).toEqual({ name: 'table', tags: [] });
  });

  it('write what a response model outputs', async () => {
    expect((await ask(app, '/launch')).body).toEqual({ status: 'planned', at: '2026-11-29T12:00:00.000Z' });
    expect((await ask(app, '/note')).body).toEqual({ text: 'Hello' });
  });

  const integer = /^-?\d+$/;
  it.each<[string, z.ZodType, accepted: string, refused: string]>([
    ['date', z.iso.date(), '2026-11-29', '2026-11-31'],
    ['datetime', z.iso.datetime({ offset: true, local: true }), '2026-11-29T12:00:00', '2026-11-29'],
    ['datetime', z.iso.datetime({ offset: true, local: true }), '2026-11-29T12:00:00+01:00', '0'],
    ['Decimal', z.string().regex(/^\d+(\.\d{1,2})?$/), '1.10', '1.101'],
    ['EmailStr', z.email(), 'ada@example.com', 'ada'],
    ['UUID', z.guid(), '12345678-1234-1234-1234-123456789012', '12345678'],
    ['int', z.string().regex(integer).transform(BigInt), '9007199254740993', 'x'],
    ['set[str]', z.array(z.string()).transform(all => new Set(all)), 'a', ''],
  ])('have schemas for %s of Python', async (_type, schema, accepted, refused) => {
    const each = express().get(
      '/',
      toExpress(endpoint({ q: Query(schema) }, ({ q }) => (q instanceof Set ? [...q] : `${q}`))),
    );
    const { status, body } = await ask(each, `/?q=${encodeURIComponent(accepted)}`);
    expect([status, body]).toEqual([200, accepted === 'a' ? ['a'] : accepted]);
    if (refused !== '') expect((await ask(each, `/?q=${refused}`)).status).toBe(422);
  });

  it.each([
    ['Express', app],
    ['Koa', koaApp],
  ])('have routes that %s matches in any case, with a slash, and for HEAD', async (_name, each) => {
    await using client = new TestClient(each);
    const statuses = ['/items', '/Items', '/items/'].map(asked => client.get(asked));
    expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await client.fetch('/items', { method: 'HEAD' })).status).toBe(200);
  });

  it.each<[string, () => http.RequestListener]>([
    [
      'Express',
      () =>
        express().use(express.Router({ caseSensitive: true, strict: true }).get('/items', toExpress(listed))),
    ],
    [
      'Koa',
      () => {
        const router = new Router({ sensitive: true, strict: true });
        return new Koa().use(router.get('/items', toKoa(listed)).routes()).callback();
      },
    ],
  ])('have routes that a strict router of %s matches exactly', async (_name, appOf) => {
    await using client = new TestClient(appOf());
    const statuses = ['/items', '/Items', '/items/'].map(asked => client.get(asked));
    expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([200, 404, 404]);
  });

  it('have errors that a handler for the status 422 does not see', async () => {
    const layer = new Layer();
    layer.addExceptionHandler(422, () => new JSONResponse({ by: 'status' }, { status: 422 }));
    const each = express().use(toExpress(layer));
    each.get('/', toExpress(withZod));
    each.get('/thrown', toExpress(Depends(() => Promise.reject(new HTTPException(422)))));
    expect((await ask(each, '/?limit=x')).body).toMatchObject({ detail: [{ type: 'int_parsing' }] });
    expect((await ask(each, '/thrown')).body).toEqual({ by: 'status' });
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
