import { Depends, endpoint, Layer, Response } from 'callnext';
import {
  AuthCredentials,
  AuthenticationError,
  type AuthenticationOptions,
  authentication,
  requires,
  SimpleUser,
} from 'callnext/middleware/authentication';
import { ask } from '../support/ask.js';
import { frameworks, listening } from '../support/frameworks.js';

const backend: AuthenticationOptions['backend'] = {
  async authenticate({ headers }) {
    const given = headers.get('authorization');
    if (given === null) return null;
    const [scheme, name = ''] = given.split(' ');
    if (scheme === 'Crash') throw new Error('The backend has failed.');
    if (scheme !== 'Basic') throw new AuthenticationError('Invalid basic auth credentials');
    return [new AuthCredentials(['authenticated', ...name.split('+')]), new SimpleUser(name)];
  },
};

describe.each(frameworks)('authentication() on $name', framework => {
  const serve = <T>(
    use: (get: (path: string, authorization?: string) => Promise<[number, string, string?]>) => Promise<T>,
    options: AuthenticationOptions = { backend },
  ): Promise<T> => {
    const who = endpoint({}, ({ request }) => ({
      scopes: request.auth.scopes,
      isAuthenticated: request.user.isAuthenticated,
      displayName: request.user.displayName,
    }));
    const app = framework
      .app()
      .use(new Layer({ middleware: [authentication(options)], onError: () => undefined }))
      .at('/who', who)
      .at(
        '/admin',
        endpoint({ allowed: Depends(requires(['authenticated', 'admin'])) }, () => 'admin'),
      )
      .at(
        '/hidden',
        endpoint({ allowed: Depends(requires('admin', { status: 404 })) }, () => 'hidden'),
      )
      .at(
        '/login-first',
        endpoint({ allowed: Depends(requires('authenticated', { redirect: '/login?a=1' })) }, () => 'in'),
      )
      .at(
        '/fragment',
        endpoint({ allowed: Depends(requires('a', { redirect: '/login#form' })) }, () => 'in'),
      )
      .at(
        '/foreign',
        endpoint({ allowed: Depends(requires('a', { redirect: '/中/ü?x=é#ß' })) }, () => 'in'),
      )
      .at(
        '/back',
        endpoint(
          { allowed: Depends(requires('a', { redirect: 'http://example.com\\@evil.com/' })) },
          () => 'in',
        ),
      )
      .at('/native', Depends(requires('authenticated')))
      .handler('/native', answer => answer.send('native'));
    return listening(app.listener(), (_url, port) =>
      use(async (path, authorization) => {
        const headers = { host: 'example.com', ...(authorization ? { authorization } : {}) };
        const { status, text, headers: got } = await ask(port, { path, headers });
        return got.location === undefined ? [status, text] : [status, text, got.location];
      }),
    );
  };

  it('provides the user and their scopes', () =>
    serve(async get => {
      expect(await get('/who', 'Basic ada')).toEqual([
        200,
        '{"scopes":["authenticated","ada"],"isAuthenticated":true,"displayName":"ada"}',
      ]);
    }));

  it('leaves the user anonymous when the backend returns nothing', () =>
    serve(async get => {
      expect(await get('/who')).toEqual([200, '{"scopes":[],"isAuthenticated":false,"displayName":""}']);
    }));

  it('redirects users who lack a scope to an ASCII URL on the configured host', () =>
    serve(async get => {
      const next = (path: string): string => `next=http%3A%2F%2Fexample.com%2F${path}`;
      expect((await get('/foreign'))[2]).toBe(`/%E4%B8%AD/%C3%BC?x=%C3%A9&${next('foreign')}#%C3%9F`);
      expect((await get('/back'))[2]).toBe(`http://example.com/@evil.com/?${next('back')}`);
    }));

  it('answers invalid credentials with a 400', () =>
    serve(async get => {
      expect(await get('/who', 'Digest x')).toEqual([400, 'Invalid basic auth credentials']);
      expect(await get('/native', 'Digest x')).toEqual([400, 'Invalid basic auth credentials']);
    }));

  it('answers invalid credentials with the configured response', () =>
    serve(
      async get =>
        expect(await get('/who', 'Digest x')).toEqual([401, '{"error":"Invalid basic auth credentials"}']),
      { backend, onError: (_request, error) => Response.json({ error: error.message }, { status: 401 }) },
    ));

  it('fails the request when the backend fails', () =>
    serve(async get => {
      expect((await get('/who', 'Crash'))[0]).toBe(500);
    }));

  it('refuses a request that lacks a scope', () =>
    serve(async get => {
      expect(await get('/admin', 'Basic admin')).toEqual([200, '"admin"']);
      expect(await get('/admin', 'Basic ada')).toEqual([403, '{"detail":"Forbidden"}']);
      expect(await get('/admin')).toEqual([403, '{"detail":"Forbidden"}']);
      expect(await get('/hidden', 'Basic ada')).toEqual([404, '{"detail":"Not Found"}']);
    }));

  it('guards native routes', () =>
    serve(async get => {
      expect(await get('/native', 'Basic ada')).toEqual([200, 'native']);
      expect(await get('/native')).toEqual([403, '{"detail":"Forbidden"}']);
    }));

  it('redirects to the login page with the way back', () =>
    serve(async get => {
      expect(await get('/login-first', 'Basic ada')).toEqual([200, '"in"']);
      expect(await get('/login-first?b=2&c=%20')).toEqual([
        303,
        '{"detail":"See Other"}',
        '/login?a=1&next=http%3A%2F%2Fexample.com%2Flogin-first%3Fb%3D2%26c%3D%2520',
      ]);
      const [, , location] = await get('/fragment');
      expect(location).toBe('/login?next=http%3A%2F%2Fexample.com%2Ffragment#form');
    }));
});

it.each([
  [
    () => authentication({} as never),
    'The option `backend` of `authentication()` must be an object with a method `authenticate(request)`',
  ],
  [() => authentication({ backend: (() => null) as never }), 'The option `backend`'],
  [() => authentication({ backend, onError: 1 as never }), 'The option `onError`'],
  [
    () => requires('a', { status: 200 }),
    'The option `status` of `requires()` must be a status from 400 to 599',
  ],
  [() => requires('a', { redirect: '' }), 'The option `redirect`'],
  [() => requires('a', { statusCode: 401 } as never), '`requires()` has no option `statusCode`'],
])('rejects invalid options when it is built: %s', (build, message) => {
  expect(build).toThrow(message);
});
