import Router from '@koa/router';
import { endpoint } from 'callnext';
import { toKoa } from 'callnext/koa';
import { openapi } from 'callnext/openapi';
import Koa from 'koa';
import mount from 'koa-mount';
import supertest from 'supertest';

const list = toKoa(endpoint({}, () => [])) as never;
const other = toKoa(endpoint({}, () => null)) as never;

const apiRouter = (): Router => new Router().get('/items', list).get('/others', other);
const shop = (): Koa => new Koa().use(apiRouter().routes() as never);

type Mounts = readonly (readonly [path: string, router: object])[];

/** The paths in the document of a Koa app, or the code of the error that it fails with. */
async function pathsOf(app: Koa, mounts: Mounts, root: object = app) {
  const codes: unknown[] = [];
  const shown = new Koa();
  shown.use(async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      codes.push((error as { code: string }).code);
      ctx.status = 500;
    }
  });
  shown.use(toKoa(openapi(root, { title: 'Shop', version: '1', mounts })) as never);
  const { body } = await supertest(shown.callback()).get('/');
  return codes[0] ?? Object.keys(body.paths);
}

const wrong = 'OPENAPI_MOUNT';

describe('`mounts` of an app in koa-mount', () => {
  it.each([
    ['/shop', ['/shop/items', '/shop/others']],
    ['/shop/', ['/shop/items', '/shop/others']],
    ['/store', wrong],
    ['/sho', wrong],
    ['/shop2', wrong],
  ])('at /shop gives %s', async (path, expected) => {
    const inner = shop();
    expect(await pathsOf(new Koa().use(mount('/shop', inner)), [[path, inner]])).toEqual(expected);
  });

  it('does not run the app to find its path', async () => {
    const runs: string[] = [];
    const inner = shop().use(ctx => void runs.push(ctx.path));
    const app = new Koa().use(ctx => void runs.push(ctx.path)).use(mount('/shop', inner));
    expect(await pathsOf(app, [['/shop', inner]])).toEqual(['/shop/items', '/shop/others']);
    expect(runs).toEqual([]);
  });

  it('finds the mount inside a router, and beside others', async () => {
    const inner = shop();
    const router = new Router().use(mount('/static', new Koa())).use(mount('/shop', inner));
    const app = new Koa().use(router.routes() as never);
    expect(await pathsOf(app, [['/shop', inner]])).toEqual(['/shop/items', '/shop/others']);
    expect(await pathsOf(app, [['/store', inner]])).toBe(wrong);
  });

  it('accepts the path of an app in an app in koa-mount', async () => {
    const inner = shop();
    const app = new Koa().use(mount('/outer', new Koa().use(mount('/inner', inner))));
    expect(await pathsOf(app, [['/outer/inner', inner]])).toEqual([
      '/outer/inner/items',
      '/outer/inner/others',
    ]);
    expect(await pathsOf(app, [['/inner', inner]])).toBe(wrong);
  });

  it('accepts `/`, and a path that no koa-mount contradicts', async () => {
    const inner = shop();
    const atRoot = new Koa().use(mount('/static', new Koa())).use(mount('/', inner));
    expect(await pathsOf(atRoot, [['/', inner]])).toEqual(['/items', '/others']);
    const byHand = new Koa().use((_ctx, next) => next());
    expect(await pathsOf(byHand, [['/shop', inner]])).toEqual(['/shop/items', '/shop/others']);
  });
});

describe('`mounts` of a router that Koa shows', () => {
  it.each([
    ['/api', ['/api/items', '/api/others']],
    ['/', wrong],
    ['/other', wrong],
  ])('in a router at /api gives %s', async (path, expected) => {
    const inner = apiRouter();
    const app = new Koa().use(new Router().use('/api', inner.routes()).routes() as never);
    expect(await pathsOf(app, [[path, inner]])).toEqual(expected);
  });

  it('in the app gives an error for any path but its own', async () => {
    const inner = apiRouter();
    const app = new Koa().use(inner.routes() as never);
    expect(await pathsOf(app, [['/', inner]])).toEqual(['/items', '/others']);
    expect(await pathsOf(app, [['/shop', inner]])).toBe(wrong);
  });

  it('may be in koa-mount as well', async () => {
    const inner = apiRouter();
    const app = new Koa().use(inner.routes() as never).use(mount('/v1', inner.routes() as never) as never);
    const both = ['/items', '/others', '/v1/items', '/v1/others'];
    expect(await pathsOf(app, [['/v1', inner]])).toEqual(both);
  });

  it('gives the root of the document its path', async () => {
    const router = apiRouter();
    expect(await pathsOf(new Koa(), [['/api/', router]], router)).toEqual(['/api/items', '/api/others']);
  });
});
