import { Depends, endpoint, HTTPException } from 'callnext';
import {
  APIKeyCookie,
  APIKeyHeader,
  APIKeyQuery,
  HTTPBasic,
  HTTPBearer,
  HTTPDigest,
  OAuth2AuthorizationCodeBearer,
  OAuth2PasswordBearer,
  OpenIdConnect,
  Security,
} from 'callnext/security';
import { ask } from '../support/ask.js';
import { listening } from '../support/frameworks.js';
import { type Version, versions } from '../support/versions.js';
import { keyRows } from './table/api-keys.js';
import { authorizationRows, stricter, twoLines } from './table/authorization.js';

type Scheme = Parameters<typeof Depends<unknown>>[0];

/** Each scheme: its path, the place of its outcome in the table, its challenge, and how it is made. */
const schemes: readonly (readonly [string, string, string, (autoError: boolean) => object])[] = [
  ['bearer', 'bearer', 'Bearer', autoError => new HTTPBearer({ autoError })],
  ['digest', 'digest', 'Digest', autoError => new HTTPDigest({ autoError })],
  ['basic', 'basic', 'Basic', autoError => new HTTPBasic({ autoError })],
  ['password', 'oauth2', 'Bearer', autoError => new OAuth2PasswordBearer({ tokenUrl: 'token', autoError })],
  [
    'code',
    'oauth2',
    'Bearer',
    autoError => new OAuth2AuthorizationCodeBearer({ authorizationUrl: 'ask', tokenUrl: 'token', autoError }),
  ],
  [
    'oidc',
    'openIdConnect',
    'Bearer',
    autoError => new OpenIdConnect({ openIdConnectUrl: '/.well-known/openid-configuration', autoError }),
  ],
  ['header', 'header', 'APIKey', autoError => new APIKeyHeader({ name: 'X-Key', autoError })],
  ['query', 'query', 'APIKey', autoError => new APIKeyQuery({ name: 'key', autoError })],
  ['cookie', 'cookie', 'APIKey', autoError => new APIKeyCookie({ name: 'key', autoError })],
];

function appOf({ app }: Version) {
  return app(root => {
    for (const [path, , , make] of schemes)
      for (const autoError of [true, false]) {
        const credentials = Depends(make(autoError) as Scheme);
        const found = endpoint({ credentials }, each => each.credentials as object);
        root.get(`/${path}/${autoError}`, found);
      }
  }).listener;
}

const refusal = (challenge: string) => [401, '{"detail":"Not authenticated"}', challenge];

function expectedOf(outcome: unknown, challenge: string): unknown[] {
  if (outcome === 'malformed') return [refusal(challenge), refusal(challenge)];
  if (outcome === undefined) return [refusal(challenge), [200, 'null', undefined]];
  const text = JSON.stringify(outcome);
  return [
    [200, text, undefined],
    [200, text, undefined],
  ];
}

/** Asks each scheme of a kind, with and without `autoError`. */
async function outcomes(port: number, isKey: boolean, query: string, headers: Record<string, string[]>) {
  const answers: Record<string, unknown> = {};
  for (const [path, , challenge] of schemes) {
    if ((challenge === 'APIKey') !== isKey) continue;
    const both: unknown[] = [];
    for (const autoError of [true, false]) {
      const got = await ask(port, { path: `/${path}/${autoError}?${query}`, headers });
      both.push([got.status, got.text, got.headers['www-authenticate']]);
    }
    answers[path] = both;
  }
  return answers;
}

function expectedOfKind(isKey: boolean, table: object): Record<string, unknown> {
  const kind = schemes.filter(([, , challenge]) => (challenge === 'APIKey') === isKey);
  return Object.fromEntries(
    kind.map(([path, place, challenge]) => [path, expectedOf(Reflect.get(table, place), challenge)]),
  );
}

describe.each(versions)('on $name', version => {
  it('every scheme finds in an authorization header what FastAPI finds', async () => {
    await listening(appOf(version), async (_url, port) => {
      for (const [lines, table] of [...authorizationRows, twoLines, ...stricter]) {
        const headers: Record<string, string[]> = lines.length > 0 ? { authorization: [...lines] } : {};
        const got = await outcomes(port, false, '', headers);
        expect([lines, got]).toEqual([lines, expectedOfKind(false, table)]);
      }
    });
  });

  it('API keys are found where FastAPI finds them', async () => {
    await listening(appOf(version), async (_url, port) => {
      for (const [query, lines, keys] of keyRows) {
        const headers: Record<string, string[]> = {};
        for (const [name, value] of lines) headers[name] = [...(headers[name] ?? []), value];
        const got = await outcomes(port, true, query, headers);
        expect([query, lines, got]).toEqual([query, lines, expectedOfKind(true, keys)]);
      }
    });
  });
});

describe('a subclass of a scheme', () => {
  class Forbidding extends HTTPBearer {
    override makeNotAuthenticatedError(): HTTPException {
      return new HTTPException(403, 'Forbidden');
    }
  }

  it('throws the exception that it makes', async () => {
    const [version] = versions;
    const guarded = endpoint({ token: Depends(new Forbidding()) }, ({ token }) => token.credentials);
    const { listener } = (version as Version).app(root => root.get('/', guarded));
    const { status, text } = await listening(listener, (_url, port) => ask(port));
    expect([status, text]).toEqual([403, '{"detail":"Forbidden"}']);
  });

  it('is called by its name, unless it has another one', () => {
    expect(new Forbidding().schemeName).toBe('Forbidding');
    expect(new Forbidding({ schemeName: 'staff' }).schemeName).toBe('staff');
  });
});

it('a realm is quoted in the challenge of HTTPBasic', async () => {
  const guarded = endpoint({ user: Depends(new HTTPBasic({ realm: 'the "shop"' })) }, ({ user }) => user);
  const { listener } = (versions[0] as Version).app(root => root.get('/', guarded));
  const { headers } = await listening(listener, (_url, port) => ask(port));
  expect(headers['www-authenticate']).toBe('Basic realm="the \\"shop\\""');
});

it.each([
  ['OPTION_VALUE', () => new HTTPBasic({ realm: 'a\nb' })],
  ['OPTION_VALUE', () => new APIKeyHeader({ name: 'x key' })],
  ['OPTION_VALUE', () => new APIKeyHeader({} as never)],
  ['OPTION_VALUE', () => new APIKeyCookie({ name: 'a=b' })],
  ['OPTION_VALUE', () => new APIKeyQuery({ name: '' })],
  ['OPTION_VALUE', () => new OAuth2PasswordBearer({} as never)],
  ['OPTION_VALUE', () => new OAuth2PasswordBearer({ tokenUrl: 'token', scopes: ['me'] as never })],
  ['OPTION_VALUE', () => new OAuth2AuthorizationCodeBearer({ tokenUrl: 'token' } as never)],
  ['OPTION_VALUE', () => new OpenIdConnect({ openIdConnectUrl: 1 } as never)],
  ['OPTION_VALUE', () => new HTTPBearer({ autoError: 'no' as never })],
  ['OPTION_VALUE', () => Security(() => 1, { scope: 'app' as never })],
  ['OPTION_VALUE', () => new HTTPBearer({ schemeName: '' })],
  ['UNKNOWN_OPTION', () => new HTTPBearer({ auto_error: false } as never)],
  ['UNKNOWN_OPTION', () => new HTTPDigest({ realm: 'shop' } as never)],
  ['OPTIONS', () => new APIKeyHeader('x-key' as never)],
])('throws %s for %s', (code, build) => {
  expect(build).toThrow(expect.objectContaining({ code }));
});
