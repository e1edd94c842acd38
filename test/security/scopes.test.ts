import { Depends, dependency, endpoint, HTTPException, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { Security, SecurityScopes } from 'callnext/security';
import { override } from 'callnext/testing';
import express from 'express';
import supertest from 'supertest';

const tell = dependency({ required: Depends(SecurityScopes) }, ({ required }) => required);
const getUser = dependency({ told: Depends(tell) }, ({ told }) => told.scopes);
const getActive = dependency({ scopes: Security(getUser, { scopes: ['me'] }) }, ({ scopes }) => scopes);

async function answerOf(
  ...[dependencies, layer]: [Record<string, Depends<unknown>>, Layer?]
): Promise<unknown> {
  const app = express();
  if (layer) app.use(toExpress(layer));
  app.get(
    '/',
    toExpress(endpoint(dependencies, ({ request, response, backgroundTasks, ...values }) => values)),
  );
  const { body } = await supertest(app).get('/');
  return body;
}

describe('SecurityScopes', () => {
  it('is empty without Security', async () => {
    expect(await answerOf({ told: Depends(tell) })).toEqual({ told: { scopes: [], scopeStr: '' } });
  });

  it('has the scopes of its place, those further out first, each once', async () => {
    expect(
      await answerOf({
        items: Security(getActive, { scopes: ['items', 'me'] }),
        own: Security(getActive),
        plain: Depends(getActive),
        told: Security(tell, { scopes: ['a', 'b'] }),
      }),
    ).toEqual({
      items: ['items', 'me'],
      own: ['me'],
      plain: ['me'],
      told: { scopes: ['a', 'b'], scopeStr: 'a b' },
    });
  });

  it('passes through a plain Depends inside Security', async () => {
    const outer = dependency({ scopes: Depends(getUser) }, ({ scopes }) => scopes);
    expect(await answerOf({ scopes: Security(outer, { scopes: ['x'] }) })).toEqual({ scopes: ['x'] });
  });

  it('is known to a guard, and to the dependencies of a layer', async () => {
    const seen: unknown[] = [];
    const note = dependency({ required: Depends(SecurityScopes) }, ({ required }) => {
      seen.push(required.scopes);
    });
    const app = express();
    app.use(toExpress(new Layer({ dependencies: [Security(note, { scopes: ['layer'] })] })));
    app.get('/', toExpress(Security(note, { scopes: ['guard'] })), (_req, res) => res.json('ok'));
    await supertest(app).get('/').expect(200);
    expect(seen).toEqual([['layer'], ['guard']]);
  });

  it('reaches the override of a dependency', async () => {
    const layer = new Layer();
    override(
      layer,
      getUser,
      dependency({ required: Depends(SecurityScopes) }, ({ required }) => ['replaced', ...required.scopes]),
    );
    expect(await answerOf({ scopes: Security(getActive, { scopes: ['items'] }) }, layer)).toEqual({
      scopes: ['replaced', 'items', 'me'],
    });
  });

  it('reaches an override below a dependency that does not read the scopes', async () => {
    const getToken = (): string => 'token';
    const getOwner = dependency({ token: Depends(getToken) }, ({ token }) => token);
    const layer = new Layer();
    const restore = override(
      layer,
      getToken,
      dependency({ required: Depends(SecurityScopes) }, ({ required }) => required.scopeStr),
    );
    const both = {
      one: Security(getOwner, { scopes: ['a'] }),
      two: Security(getOwner, { scopes: ['b'] }),
    };
    expect(await answerOf(both, layer)).toEqual({ one: 'a', two: 'b' });
    restore();
    expect(await answerOf(both, layer)).toEqual({ one: 'token', two: 'token' });
  });
});

describe('a dependency that reads scopes', () => {
  it('is solved once for each list of scopes; one that does not read them once for a request', async () => {
    const calls: string[] = [];
    const getDb = (): string => {
      calls.push('db');
      return 'db';
    };
    const user = dependency({ db: Depends(getDb), required: Depends(SecurityScopes) }, ({ required }) => {
      calls.push(required.scopeStr);
      return required.scopeStr;
    });
    await answerOf({
      one: Security(user, { scopes: ['a'] }),
      two: Security(user, { scopes: ['b'] }),
      again: Security(user, { scopes: ['a'] }),
      db: Security(getDb, { scopes: ['c'] }),
    });
    expect(calls).toEqual(['db', 'a', 'b']);
  });

  it('runs its exit once for each list of scopes', async () => {
    const exits: string[] = [];
    const session = dependency({ required: Depends(SecurityScopes) }, async function* ({ required }) {
      yield required.scopeStr;
      exits.push(required.scopeStr);
    });
    await answerOf({
      one: Security(session, { scopes: ['a'], scope: 'function' }),
      two: Security(session, { scopes: ['b'], scope: 'function' }),
    });
    expect(exits).toEqual(['b', 'a']);
  });

  it('refuses a client without a scope, with the challenge that names the scopes', async () => {
    const verify = dependency({ required: Depends(SecurityScopes) }, ({ required, request }) => {
      const granted = request.headers.get('x-scopes')?.split(' ') ?? [];
      if (required.scopes.every(scope => granted.includes(scope))) return granted;
      const headers = { 'WWW-Authenticate': `Bearer scope="${required.scopeStr}"` };
      throw new HTTPException(401, 'Not enough permissions', { headers });
    });
    const app = express();
    app.get(
      '/',
      toExpress(
        endpoint({ granted: Security(verify, { scopes: ['me', 'items'] }) }, ({ granted }) => granted),
      ),
    );
    const refused = await supertest(app).get('/').set('x-scopes', 'me');
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Bearer scope="me items"']);
    await supertest(app).get('/').set('x-scopes', 'items me').expect(200);
  });
});

it.each([['items'], [[1]], [{}]])('Security refuses the scopes %j when it is called', scopes => {
  expect(() => Security(tell, { scopes: scopes as never })).toThrow(
    expect.objectContaining({ code: 'OPTION_VALUE' }),
  );
});
