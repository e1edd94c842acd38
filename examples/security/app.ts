import { randomBytes } from 'node:crypto';
import { hash, verify } from 'argon2';
import { Depends, dependency, endpoint, HTTPException } from 'callnext';
import { toExpress } from 'callnext/express';
import { openapi, swaggerUi } from 'callnext/openapi';
import {
  OAuth2PasswordBearer,
  OAuth2PasswordRequestForm,
  Security,
  SecurityScopes,
} from 'callnext/security';
import express from 'express';
import { jwtVerify, SignJWT } from 'jose';
import { absolutePath } from 'swagger-ui-dist';

interface User {
  readonly username: string;
  readonly passwordHash: Promise<string>;
  readonly scopes: readonly string[];
}

const users = new Map<string, User>([
  [
    'john',
    { username: 'john', passwordHash: hash('secret'), scopes: ['me', 'items'] },
  ],
  [
    'alice',
    { username: 'alice', passwordHash: hash('wonderland'), scopes: ['me'] },
  ],
]);
const unusedHash = hash(randomBytes(32));
const secret = randomBytes(32);

const oauth2 = new OAuth2PasswordBearer({
  tokenUrl: '/token',
  scopes: { me: 'Read your profile', items: 'Read your items' },
});

const logIn = endpoint(
  { form: Depends(OAuth2PasswordRequestForm) },
  async function logIn({ form }) {
    const user = users.get(form.username);
    // An unknown user takes as long as a wrong password.
    const isRight = await verify(
      await (user?.passwordHash ?? unusedHash),
      form.password,
    );
    if (!user || !isRight)
      throw new HTTPException(400, 'Incorrect username or password');
    const granted = form.scopes.filter(scope => user.scopes.includes(scope));
    const token = await new SignJWT({ scope: granted.join(' ') })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(user.username)
      .setExpirationTime('30 minutes')
      .sign(secret);
    return { access_token: token, token_type: 'bearer' };
  },
);

const getUser = dependency(
  { token: Depends(oauth2), required: Depends(SecurityScopes) },
  async ({ token, required }) => {
    const challenge =
      required.scopes.length > 0
        ? `Bearer scope="${required.scopeStr}"`
        : 'Bearer';
    const headers = { 'WWW-Authenticate': challenge };
    const claims = await jwtVerify(token, secret, {
      algorithms: ['HS256'],
    }).catch(() => undefined);
    const user = users.get(claims?.payload.sub ?? '');
    if (!user)
      throw new HTTPException(401, 'Could not validate credentials', {
        headers,
      });
    const granted = String(claims?.payload.scope).split(' ');
    if (!required.scopes.every(scope => granted.includes(scope)))
      throw new HTTPException(401, 'Not enough permissions', { headers });
    return user;
  },
);

const readMe = endpoint(
  { user: Security(getUser, { scopes: ['me'] }) },
  function readMe({ user }) {
    return { username: user.username };
  },
);

const readItems = endpoint(
  { user: Security(getUser, { scopes: ['items'] }) },
  function readItems({ user }) {
    return [{ item: 'Towel', owner: user.username }];
  },
);

export const app = express();
app.post('/token', toExpress(logIn));
app.get('/users/me', toExpress(readMe));
app.get('/users/me/items', toExpress(readItems));
app.get(
  '/openapi.json',
  toExpress(openapi(app, { title: 'Login', version: '1.0.0' })),
);
app.get(
  '/docs',
  toExpress(swaggerUi({ title: 'Login', assets: absolutePath() })),
);
