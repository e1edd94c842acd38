import { endpoint } from 'callnext';
import { toExpress } from 'callnext/express';
import { openapi } from 'callnext/openapi';
import type { ErrorRequestHandler } from 'express';
import supertest from 'supertest';
import { express50, express53, express418, express422 } from '../support/versions.js';

const wrong = 'OPENAPI_MOUNT';

const versions = [
  ['4.18', express418],
  ['4.22', express422],
  ['5.0', express50],
  ['5.3', express53],
] as const;

describe.each(versions)('`mounts` of an app that Express %s hides', (_name, express) => {
  const shop = () => express().get('/items', toExpress(endpoint({}, () => [])) as never);

  /** The paths in the document of an app, or the code of the error that it fails with. */
  async function pathsOf(app: object, ...mounts: (readonly [path: string, router: object])[]) {
    const shown = express().get(
      '/',
      toExpress(openapi(app, { title: 'Shop', version: '1', mounts })) as never,
    );
    shown.use(((error, _req, res, _next) => {
      res.status(500).json({ code: error.code });
    }) as ErrorRequestHandler);
    const { body } = await supertest(shown).get('/');
    return body.code ?? Object.keys(body.paths);
  }

  it.each([
    ['/shop', ['/shop/items']],
    ['/shop/', ['/shop/items']],
    ['/store', wrong],
    ['/shop/inner', wrong],
    ['/', wrong],
  ])('at /shop gives for %s: %s', async (path, expected) => {
    const inner = shop();
    expect(await pathsOf(express().use('/shop', inner), [path, inner])).toEqual(expected);
  });

  it('accepts each path of an app with several, and `/`', async () => {
    const inner = shop();
    const app = express().use('/a', inner).use(['/b', '/c'], inner).use(inner);
    for (const path of ['/a', '/b', '/c'])
      expect(await pathsOf(app, [path, inner])).toEqual([`${path}/items`]);
    expect(await pathsOf(app, ['/', inner])).toEqual(['/items']);
    expect(await pathsOf(app, ['/d', inner])).toBe(wrong);
  });

  it('accepts the whole path of an app in apps', async () => {
    const inner = shop();
    const outer = express().use('/b', inner);
    const app = express().use('/a', outer).use('/a2', outer);
    expect(await pathsOf(app, ['/a/b', inner])).toEqual(['/a/b/items']);
    expect(await pathsOf(app, ['/a2/b', inner])).toEqual(['/a2/b/items']);
    expect(await pathsOf(app, ['/b', inner])).toBe(wrong);
    expect(await pathsOf(app, ['/a', inner])).toBe(wrong);
  });

  it('accepts a path below that of the root', async () => {
    const inner = shop();
    const app = express().use('/shop', inner);
    expect(await pathsOf(app, ['/v1', app], ['/v1/shop', inner])).toEqual(['/v1/shop/items']);
    expect(await pathsOf(app, ['/v1', app], ['/shop', inner])).toBe(wrong);
  });

  it('accepts the path of a router that Express shows, and no other', async () => {
    const inner = express.Router().get('/items', toExpress(endpoint({}, () => [])) as never);
    const app = express().use('/shop', inner);
    expect(await pathsOf(app, ['/shop', inner])).toEqual(['/shop/items']);
    expect(await pathsOf(app, ['/store', inner])).toBe(wrong);
    expect(await pathsOf(app, ['/', inner])).toBe(wrong);
    const atRoot = express().use(inner);
    expect(await pathsOf(atRoot, ['/', inner])).toEqual(['/items']);
    expect(await pathsOf(atRoot, ['/shop', inner])).toBe(wrong);
  });

  it('accepts any path of an app in a router or a function, which Express does not show', async () => {
    const inner = shop();
    const router = express
      .Router()
      .use('/shop', (req, res, next) => (inner as never as Inner)(req, res, next));
    expect(await pathsOf(express().use(router), ['/shop', inner])).toEqual(['/shop/items']);
  });
});

type Inner = (...args: unknown[]) => void;
