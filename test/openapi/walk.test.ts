import { Validator } from '@seriousme/openapi-schema-validator';
import { Depends, dependency, endpoint, Layer, type Middleware, Response } from 'callnext';
import { openapi } from 'callnext/openapi';
import { Path, Query } from 'callnext/params';
import { APIKeyHeader, HTTPBearer, OAuth2PasswordBearer, Security } from 'callnext/security';
import { z } from 'zod';
import { ask } from '../support/ask.js';
import { listening } from '../support/frameworks.js';
import { type TestRouter, type Version, versions } from '../support/versions.js';

interface Operation {
  readonly operationId: string;
  readonly security?: unknown;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components?: { readonly securitySchemes?: object };
}

type Mounts = readonly (readonly [path: string, router: object])[];

/** The document of an app, checked by a validator. Rejects with the error that the document fails with. */
async function documentOf(version: Version, build: (root: TestRouter) => unknown, mounts: Mounts = []) {
  const failures: unknown[] = [];
  const noting: Middleware = async (request, callNext) => {
    try {
      return await callNext(request);
    } catch (error) {
      failures.push(error);
      return new Response(null, { status: 500 });
    }
  };
  const { listener } = version.app((root, app) => {
    root.use('', noting);
    root.get('/openapi.json', openapi(app, { title: 'Shop', version: '1.0.0', mounts }));
    build(root);
  });
  const { status, headers, text } = await listening(listener, (_url, port) =>
    ask(port, { path: '/openapi.json' }),
  );
  if (status !== 200) throw failures[0];
  expect(headers['content-type']).toBe('application/json');
  const { valid, errors } = await new Validator().validate(JSON.parse(text));
  expect([valid, errors ?? []]).toEqual([true, []]);
  return JSON.parse(text) as Document;
}

async function pathsOf(...given: Parameters<typeof documentOf>): Promise<string[]> {
  const { paths } = await documentOf(...given);
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map(method => `${method} ${path}`),
  );
}

const readItem = endpoint({ id: Path(z.int()), q: Query(z.string().optional()) }, function readItem({ id }) {
  return id;
});
const listItems = endpoint({}, function listItems() {
  return [];
});

const bearer = new HTTPBearer();
const key = new APIKeyHeader({ name: 'x-key' });
const oauth2 = new OAuth2PasswordBearer({ tokenUrl: 'token', scopes: { me: 'Read yourself' } });
const getUser = dependency({ token: Depends(oauth2), page: Query(z.int()) }, ({ token }) => token);

describe.each(versions)('openapi() on $name', version => {
  const { name, keepsPrefixes, router } = version;

  it('has the routes of the app in order, and no native or hidden ones', async () => {
    const build = (root: TestRouter): void => {
      root.get('/items', listItems).post(
        '/items',
        endpoint({}, () => new Response()),
      );
      root.get('/items/:id', readItem);
      root.get(
        '/hidden',
        endpoint({}, () => 1, { includeInSchema: false }),
      );
    };
    expect(await pathsOf(version, build)).toEqual(['get /items', 'post /items', 'get /items/{id}']);
  });

  it('has the prefixes of nested routers, or refuses to guess them', async () => {
    const inner = router().get('/items/:id', readItem);
    const middle = router().use('/shop', inner).get('/own', listItems);
    const build = (root: TestRouter): unknown => root.use('/users/:user', middle);
    if (keepsPrefixes)
      expect(await pathsOf(version, build)).toEqual([
        'get /users/{user}/shop/items/{id}',
        'get /users/{user}/own',
      ]);
    else
      await expect(pathsOf(version, build)).rejects.toMatchObject({
        code: 'OPENAPI_PREFIX',
        message: expect.stringContaining("mounts: [['/path', router]]"),
      });
  });

  if (!keepsPrefixes)
    it('takes prefixes from `mounts`', async () => {
      const inner = router().get('/items/:id', readItem);
      const outer = router().use('/shop', inner);
      const build = (root: TestRouter): unknown => root.use('/users/:user', outer);
      const mounts: Mounts = [
        ['/users/:user', outer.native],
        ['/shop', inner.native],
      ];
      expect(await pathsOf(version, build, mounts)).toEqual(['get /users/{user}/shop/items/{id}']);
    });

  if (name.startsWith('Express'))
    it('refuses `mounts` at a path where the router is not', async () => {
      const inner = router().get('/items', listItems);
      const build = (root: TestRouter): unknown => root.use('/shop', inner);
      const mounts: Mounts = [['/store', inner.native]];
      await expect(documentOf(version, build, mounts)).rejects.toMatchObject({ code: 'OPENAPI_MOUNT' });
    });

  it('has the security and parameters of guards: of the route, its router and its layers', async () => {
    const build = (root: TestRouter): void => {
      root.get('/open', listItems);
      root.use('', new Layer({ dependencies: [Depends(key)] }));
      root.get(
        '/keyed',
        endpoint({}, function keyed() {
          return 1;
        }),
      );
      root.get(
        '/both',
        Depends(bearer) as never,
        endpoint({ user: Security(getUser, { scopes: ['me'] }) }, ({ user }) => user),
      );
    };
    const { paths, components } = await documentOf(version, build);
    expect(paths['/open']?.get?.security).toBeUndefined();
    expect(paths['/keyed']?.get?.security).toEqual([{ APIKeyHeader: [] }]);
    expect(paths['/both']?.get?.security).toEqual([
      { APIKeyHeader: [] },
      { HTTPBearer: [] },
      { OAuth2PasswordBearer: ['me'] },
    ]);
    expect(paths['/both']?.get?.parameters?.map(each => each.name)).toEqual(['page']);
    expect(components?.securitySchemes).toEqual({
      APIKeyHeader: { type: 'apiKey', in: 'header', name: 'x-key' },
      HTTPBearer: { type: 'http', scheme: 'bearer' },
      OAuth2PasswordBearer: {
        type: 'oauth2',
        flows: { password: { scopes: { me: 'Read yourself' }, tokenUrl: 'token' } },
      },
    });
  });

  it('applies a guard at a path to the routes below it only', async () => {
    const build = (root: TestRouter): void => {
      root.use('/admin', Depends(bearer) as never);
      root.get('/admin/items', listItems);
      root.get(
        '/items',
        endpoint({}, function listOthers() {
          return 1;
        }),
      );
    };
    const { paths } = await documentOf(version, build);
    expect(paths['/admin/items']?.get?.security).toEqual([{ HTTPBearer: [] }]);
    expect(paths['/items']?.get?.security).toBeUndefined();
  });

  it('names operations as FastAPI does', async () => {
    const build = (root: TestRouter): unknown => root.get('/items/:id', readItem);
    const { paths } = await documentOf(version, build);
    expect(paths['/items/{id}']?.get).toMatchObject({
      operationId: 'read_item_items__id__get',
      summary: 'Read Item',
    });
  });

  it('fails for a parameter that the path does not have', async () => {
    const build = (root: TestRouter): unknown => root.get('/items/:item', readItem);
    await expect(documentOf(version, build)).rejects.toMatchObject({ code: 'PARAM_UNKNOWN' });
  });

  it('fails where two operations have one operationId', async () => {
    const same = { operationId: 'same' };
    const build = (root: TestRouter): void => {
      root
        .get(
          '/a',
          endpoint({}, () => 1, same),
        )
        .get(
          '/b',
          endpoint({}, () => 1, same),
        );
    };
    await expect(documentOf(version, build)).rejects.toMatchObject({ code: 'OPENAPI_OPERATION_ID' });
  });
});
