import Router from '@koa/router';
import { Depends, endpoint, Layer } from 'callnext';
import { toExpress, wrap } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { openapi } from 'callnext/openapi';
import { Body } from 'callnext/params';
import { APIKeyHeader } from 'callnext/security';
import express from 'express';
import Koa from 'koa';
import mount from 'koa-mount';
import supertest from 'supertest';
import { z } from 'zod';

const info = { title: 'Shop', version: '1' };
const list = endpoint({}, function list() {
  return [];
});

async function pathsOf(listener: Parameters<typeof supertest>[0], at = '/openapi.json') {
  const { body } = await supertest(listener).get(at).expect(200);
  return Object.keys(body.paths);
}

async function codeOf(app: express.Express, ...given: Parameters<typeof openapi>): Promise<unknown> {
  app.get('/openapi.json', toExpress(openapi(...given)) as never);
  app.use(((error: { code: string }, _req, res, _next) => {
    res.status(500).json({ code: error.code });
  }) as express.ErrorRequestHandler);
  const { body } = await supertest(app).get('/openapi.json').expect(500);
  return body.code;
}

describe('an app in an app', () => {
  it('has a document of its own, with the path at which it is mounted', async () => {
    const inner = express().get('/items', toExpress(list) as never);
    inner.get('/openapi.json', toExpress(openapi(inner, info)) as never);
    const outer = express().use('/shop', inner);
    expect(await pathsOf(outer, '/shop/openapi.json')).toEqual(['/shop/items']);
  });

  it('is in the document of the outer app where `mounts` gives its path', async () => {
    const inner = express().get('/items', toExpress(list) as never);
    const outer = express().use('/shop', inner);
    const mounts = [['/shop', inner]] as const;
    outer.get('/openapi.json', toExpress(openapi(outer, { ...info, mounts })) as never);
    expect(await pathsOf(outer)).toEqual(['/shop/items']);
  });

  it('is in the document of a Koa app where `mounts` gives the path of koa-mount', async () => {
    const inner = new Koa().use(new Router().get('/items', toKoa(list) as never).routes());
    const outer = new Koa().use(mount('/shop', inner));
    const mounts = [['/shop', inner]] as const;
    outer.use(
      new Router().get('/openapi.json', toKoa(openapi(outer, { ...info, mounts })) as never).routes(),
    );
    expect(await pathsOf(outer.callback())).toEqual(['/shop/items']);
  });
});

it('the security of a layer around the whole app is on every operation', async () => {
  const app = express().get('/items', toExpress(list) as never);
  const key = Depends(new APIKeyHeader({ name: 'x-key' }));
  app.get('/openapi.json', toExpress(openapi(app, info)) as never);
  const listener = wrap(app as never, new Layer({ dependencies: [key] }));
  const { body } = await supertest(listener).get('/openapi.json').set('x-key', 'any').expect(200);
  expect(body.paths['/items'].get.security).toEqual([{ APIKeyHeader: [] }]);
});

it('a schema that refers to itself is a component', async () => {
  const Category = z
    .object({
      name: z.string(),
      get children() {
        return z.array(Category);
      },
    })
    .meta({ id: 'Category' });
  const app = express();
  app.post('/categories', toExpress(endpoint({ category: Body(Category) }, () => null)) as never);
  app.get('/openapi.json', toExpress(openapi(app, info)) as never);
  const { body } = await supertest(app).get('/openapi.json').expect(200);
  expect(body.components.schemas.Category.properties.children).toEqual({
    type: 'array',
    items: { $ref: '#/components/schemas/Category' },
  });
});

it('a schema whose sides differ has a name for each', async () => {
  const Item = z.object({ count: z.int().default(1) }).meta({ id: 'Item' });
  const app = express();
  const echo = endpoint({ item: Body(Item) }, ({ item }) => item, { responseModel: Item });
  app.post('/items', toExpress(echo) as never);
  app.get('/openapi.json', toExpress(openapi(app, info)) as never);
  const { body } = await supertest(app).get('/openapi.json').expect(200);
  const { requestBody, responses } = body.paths['/items'].post;
  expect(requestBody.content['application/json'].schema.$ref).toBe('#/components/schemas/Item-Input');
  expect(responses[200].content['application/json'].schema.$ref).toBe('#/components/schemas/Item-Output');
  expect(body.components.schemas['Item-Output'].required).toEqual(['count']);
});

it('refuses what is not an app of the framework', async () => {
  expect(await codeOf(express(), new Koa(), info)).toBe('OPENAPI_APP');
});

it('refuses two schemas with one name', async () => {
  const app = express();
  const one = z.object({ a: z.string() }).meta({ title: 'Item' });
  const other = z.object({ b: z.string() }).meta({ title: 'Item' });
  app.post('/one', toExpress(endpoint({ item: Body(one) }, () => null)) as never);
  app.post('/other', toExpress(endpoint({ item: Body(other) }, () => null)) as never);
  expect(await codeOf(app, app, info)).toBe('OPENAPI_SCHEMA');
});

it('fails in the same way at every request while the document cannot be created', async () => {
  const app = express();
  app.get('/openapi.json', toExpress(openapi(app, info)) as never);
  app.get(/^\/items$/, toExpress(list) as never);
  app.use(((_error, _req, res, _next) => void res.status(500).end()) as express.ErrorRequestHandler);
  for (const _each of [1, 2]) await supertest(app).get('/openapi.json').expect(500);
});
