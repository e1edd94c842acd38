// A login that answers with a signed token, and a dependency that verifies it.
import {
  Depends,
  endpoint,
  HTTPException,
  type Injected,
  Layer,
} from 'callnext';
import { inject, toExpress } from 'callnext/express';
import express from 'express';
import { jwtVerify, SignJWT } from 'jose';

const secret = new TextEncoder().encode(
  process.env.JWT_SECRET ?? 'at least 32 characters, from the environment',
);
const passwords = new Map([['ada', 'lovelace']]); // yours: hashed, in a database

const login = endpoint({}, async ({ request }) => {
  const given = (await request.json()) as Record<string, unknown>;
  const name = String(given.name);
  const expected = passwords.get(name);
  if (expected === undefined || expected !== given.password)
    throw new HTTPException(401, 'Wrong name or password');
  const token = await new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(name)
    .setExpirationTime('1h')
    .sign(secret);
  return { access_token: token, token_type: 'bearer' };
});

async function getUser({ request }: Injected): Promise<string> {
  const header = request.headers.get('authorization') ?? '';
  const [, token = ''] = /^Bearer (.+)$/i.exec(header) ?? [];
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: ['HS256'],
    });
    return String(payload.sub);
  } catch (cause) {
    const headers = { 'www-authenticate': 'Bearer' };
    throw new HTTPException(401, 'Not authenticated', { headers, cause });
  }
}
const user = Depends(getUser);

export const app = express();
app.use(toExpress(new Layer()));
app.post('/login', toExpress(login));
app.get('/me', toExpress(endpoint({ user }, ({ user }) => ({ name: user }))));
app.use('/admin', toExpress(user)); // a guard: native routes below need a token
app.get('/admin/report', async (req, res) => {
  res.json({ for: await inject(req, user) }); // verified once per request
});
