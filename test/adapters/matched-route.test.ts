import type http from 'node:http';
import { Depends, endpoint, HTTPException, type Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import supertest from 'supertest';
import {
  express53,
  express422,
  Koa3,
  mount,
  Router15,
  type TestRouter,
  versions,
} from '../support/versions.js';

/** What a middleware sees after `callNext`. */
const seen: unknown[] = [];

const recording: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  const { route } = request;
  seen.push(route && [route.path, route.prefix, String(route)]);
  return response;
};

const ok = endpoint({}, () => 'ok');

beforeEach(() => {
  seen.length = 0;
});

async function routeOf(listener: http.RequestListener, path: string): Promise<unknown> {
  await supertest(listener).get(path);
  return seen.pop();
}

describe.each(versions)('request.route on $name', ({ name, keepsPrefixes, router, app }) => {
  const isKoa = name.startsWith('Koa');
  const listenerOf = (build: (root: TestRouter) => unknown): http.RequestListener =>
    app(root => build(root.use('', recording))).listener;

  it('is the template of the route that answers', async () => {
    const listener = listenerOf(root => root.get('/items/:id', ok));
    expect(await routeOf(listener, '/items/7')).toEqual(['/items/:id', '', '/items/:id']);
  });

  it('is there when the route fails', async () => {
    const failing = endpoint({}, () => {
      throw new HTTPException(404, 'Item not found');
    });
    const listener = listenerOf(root => root.get('/items/:id', failing));
    expect(await routeOf(listener, '/items/7')).toEqual(['/items/:id', '', '/items/:id']);
  });

  it('is undefined where no route matches', async () => {
    const listener = listenerOf(root => root.get('/items/:id', ok));
    expect(await routeOf(listener, '/nothing')).toBeUndefined();
  });

  it('has the template of the mounts around it, where the framework keeps them', async () => {
    const listener = listenerOf(root =>
      root.use('/users/:user', router().use('/shop', router().get('/items/:id', ok))),
    );
    const whole = '/users/:user/shop/items/:id';
    const split = keepsPrefixes
      ? ['/items/:id', '/users/:user/shop', whole]
      : ['/items/:id', undefined, '/items/:id'];
    expect(await routeOf(listener, '/users/rick/shop/items/7')).toEqual(isKoa ? [whole, '', whole] : split);
  });

  it('is the mount that the request came by, of a router that is mounted twice', async () => {
    const items = router().get('/items', ok);
    const listener = listenerOf(root => root.use('/a', items).use('/b/:c', items));
    const asText = async (path: string): Promise<unknown> => ((await routeOf(listener, path)) as string[])[2];
    expect(await asText('/a/items')).toBe(keepsPrefixes ? '/a/items' : '/items');
    expect(await asText('/b/x/items')).toBe(keepsPrefixes ? '/b/:c/items' : '/items');
  });

  it('is the route of a guard that refuses', async () => {
    const guard = Depends(function refuse() {
      throw new HTTPException(401, 'Not authenticated');
    });
    const listener = listenerOf(root => root.get('/items/:id', guard as never, ok));
    expect(await routeOf(listener, '/items/7')).toEqual(['/items/:id', '', '/items/:id']);
  });
});

describe.each([
  ['Express 4', express422],
  ['Express 5', express53],
])('request.route of sub-apps on %s', (_name, express) => {
  it('has the path at which an app is mounted', async () => {
    const inner = express().get('/items/:id', toExpress(ok) as never);
    const listener = express()
      .use(toExpress(recording) as never)
      .use('/users/:user', express().use('/shop', inner)) as http.RequestListener;
    expect(await routeOf(listener, '/users/rick/shop/items/7')).toEqual([
      '/items/:id',
      '/users/:user/shop',
      '/users/:user/shop/items/:id',
    ]);
  });

  it('has no prefix where an app is mounted in a router', async () => {
    const inner = express().get('/items/:id', toExpress(ok) as never);
    const listener = express()
      .use(toExpress(recording) as never)
      .use('/shop', express.Router().use('/inner', inner)) as http.RequestListener;
    expect(await routeOf(listener, '/shop/inner/items/7')).toEqual(['/items/:id', undefined, '/items/:id']);
  });

  it('is undefined for a route whose path is a regular expression', async () => {
    const listener = express()
      .use(toExpress(recording) as never)
      .get(/^\/items\/(\d+)$/, toExpress(ok) as never) as http.RequestListener;
    expect(await routeOf(listener, '/items/7')).toBeUndefined();
  });
});

it('has the path of koa-mount, while its route is the one that matched', async () => {
  const router = new Router15().get('/items/:id', toKoa(ok) as never);
  const inner = new Koa3().use(router.routes());
  const outside = new Router15().get('/outside', toKoa(ok) as never);
  const app = new Koa3();
  app
    .use(toKoa(recording) as never)
    .use(mount('/shop', inner))
    .use(outside.routes());
  const listener = app.callback() as http.RequestListener;
  expect(await routeOf(listener, '/shop/items/7')).toEqual(['/items/:id', '/shop', '/shop/items/:id']);
  expect(await routeOf(listener, '/outside')).toEqual(['/outside', '', '/outside']);
});

it('is read by an endpoint, too', async () => {
  const telling = endpoint({}, ({ request }) => String(request.route));
  const app = express53().use('/shop', express53.Router().get('/items/:id', toExpress(telling) as never));
  const answer = await supertest(app).get('/shop/items/7');
  expect(answer.body).toBe('/shop/items/:id');
});
