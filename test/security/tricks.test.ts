import type http from 'node:http';
import { Depends, dependency, endpoint, HTTPException, type Middleware, Request } from 'callnext';
import { APIKeyHeader, HTTPBasic, HTTPBearer } from 'callnext/security';
import type { Asked } from '../support/ask.js';
import { Connection } from '../support/connection.js';
import { listening } from '../support/frameworks.js';
import { type Version, versions } from '../support/versions.js';

const bearer = new HTTPBearer();
const verifyToken = dependency({ token: Depends(bearer) }, ({ token }) => {
  if (token.credentials !== 'right') throw new HTTPException(401, 'Invalid token');
});
const verifyUser = dependency({ user: Depends(new HTTPBasic()) }, ({ user }) => {
  if (user.username !== 'john' || user.password !== 'right') throw new HTTPException(401, 'Invalid user');
});
const verifyKey = dependency({ key: Depends(new APIKeyHeader({ name: 'x-key' })) }, ({ key }) => {
  if (key !== 'right') throw new HTTPException(401, 'Invalid key');
});

/** What the `method-override` package does, as a middleware. */
const overriding: Middleware = (request, callNext) => {
  const method = request.headers.get('x-http-method-override');
  return callNext(method ? new Request(request, { method }) : request);
};

/** Paths that reach something guarded, or look as if they did. */
const targets = [
  '/admin/items/1',
  '/admin/items/1?x=1',
  '/admin/items/1/',
  '/ADMIN/Items/1',
  '/%61dmin/items/1',
  '/admin%2fitems/1',
  '/admin/items/%31',
  '/admin/items/..%2f1',
  '/admin/items/%zz',
  '//admin/items/1',
  '/admin//items/1',
  '/./admin/items/1',
  '/public/../admin/items/1',
  '/admin;a=b/items/1',
  '/admin/items/1;a=b',
  '/admin/items/1%00',
  '/admin/items/1%20',
  '/admin\\items/1',
  'http://app.test/admin/items/1',
  'http://other.test/admin/items/1',
  '/single/1',
  '/SINGLE/1/',
  '/single/%2e%2e',
  '/single/1/../1',
  '*',
];

const methods: readonly (readonly [string, Record<string, string>])[] = [
  ['GET', {}],
  ['HEAD', {}],
  ['OPTIONS', {}],
  ['POST', { 'x-http-method-override': 'GET' }],
];

/** Headers without one right credential for the guards of any route. */
const credentials: readonly Record<string, string>[] = [
  {},
  { authorization: '' },
  { authorization: 'Bearer' },
  { authorization: 'Bearer wrong' },
  { authorization: 'Bearer Right' },
  { authorization: 'Bearer right x' },
  { authorization: 'Bearer\tright' },
  { authorization: 'right' },
  { authorization: 'Basic right' },
  { authorization: 'Basic am9objp3cm9uZw==' },
  { authorization: 'Bearer wrong\r\nAuthorization: Bearer right' },
  { 'proxy-authorization': 'Bearer right' },
  { 'x-authorization': 'Bearer right' },
  { cookie: 'authorization=Bearer right; x-key=right' },
  { 'x-forwarded-user': 'john', 'x-original-url': '/public', 'x-rewrite-url': '/public' },
  { 'x-key': 'right, right' },
  { x_key: 'right' },
];

interface Guarded {
  readonly listener: http.RequestListener;
  /** How often something behind a guard has run. */
  readonly entered: () => number;
}

/** One app for each guard: around a router, and on a single route. */
function guardedBy(version: Version, guard: Depends<unknown>): Guarded {
  let entered = 0;
  const secret = endpoint({}, () => {
    entered += 1;
    return 'secret';
  });
  // @koa/router 14 matches `use` case-sensitively and routes case-insensitively, so `/ADMIN` passes any
  // middleware of a router there. Only the guard of a route holds.
  const ofRoute = version.name.endsWith('router 14') ? [guard as never] : [];
  const items = version
    .router()
    .get('/items/:id', ...ofRoute, secret)
    .post('/items/:id', ...ofRoute, secret);
  const { listener } = version.app(root =>
    root
      .use('', overriding)
      .get('/single/:id', guard as never, secret)
      .use('/admin', guard as never, items)
      .get(
        '/public',
        endpoint({}, () => 'public'),
      ),
  );
  return { listener, entered: () => entered };
}

/** What is asked of a guarded app, and how often that went past the guard. */
async function tried({ listener, entered }: Guarded, all: readonly Asked[]): Promise<[Asked, number][]> {
  return listening(listener, async (_url, port) => {
    const passed: [Asked, number][] = [];
    let connection = new Connection(port);
    for (const asked of all) {
      const before = entered();
      const { status, text } = await connection.ask(asked);
      if (typeof status !== 'number') connection = new Connection(port);
      if (entered() > before || text.includes('secret')) passed.push([asked, status as number]);
    }
    connection.close();
    return passed;
  });
}

const tricks = targets.flatMap(path =>
  methods.flatMap(([method, extra]) =>
    credentials.map(headers => ({ method, path, headers: { ...headers, ...extra } })),
  ),
);

const guards: readonly (readonly [string, Depends<unknown>, Record<string, string>])[] = [
  ['HTTPBearer', Depends(verifyToken), { authorization: 'Bearer right' }],
  ['HTTPBasic', Depends(verifyUser), { authorization: 'Basic am9objpyaWdodA==' }],
  ['APIKeyHeader', Depends(verifyKey), { 'x-key': 'right' }],
];
/** The first guard on every version, the others on the newest ones. */
const played = guards.flatMap(([name, guard, right], index) =>
  versions
    .filter((_version, at) => index === 0 || at === 3 || at === 5)
    .map(version => ({ name, guard, right, version })),
);

describe.each(played)('a guard with $name', ({ guard, right, version }) => {
  it(`is not passed by any trick on ${version.name}`, async () => {
    expect(await tried(guardedBy(version, guard), tricks)).toEqual([]);
  }, 60_000);

  it(`is passed by the same paths with credentials on ${version.name}`, async () => {
    const allowed = targets.map(path => ({ path, headers: right }));
    const passed = await tried(guardedBy(version, guard), allowed);
    expect(passed.length).toBeGreaterThan(8);
    expect(passed.every(([, status]) => status === 200)).toBe(true);
  });
});

it('the tricks are more than 840 requests that differ', () => {
  expect(new Set(tricks.map(each => JSON.stringify(each))).size).toBeGreaterThan(840);
});
