import { Depends, endpoint } from 'callnext';
import { toExpress } from 'callnext/express';
import { OAuth2PasswordRequestForm, OAuth2PasswordRequestFormStrict } from 'callnext/security';
import express from 'express';
import supertest from 'supertest';

const app = express();
app.post('/token', toExpress(endpoint({ form: Depends(OAuth2PasswordRequestForm) }, ({ form }) => form)));
app.post(
  '/strict',
  toExpress(endpoint({ form: Depends(OAuth2PasswordRequestFormStrict) }, ({ form }) => form)),
);

const missing = (name: string): object => ({
  type: 'missing',
  loc: ['body', name],
  msg: 'Field required',
  input: null,
});
const mismatch = (input: string): object => ({
  type: 'string_pattern_mismatch',
  loc: ['body', 'grant_type'],
  msg: "String should match pattern '^password$'",
  input,
  ctx: { pattern: '^password$' },
});
const johns = {
  grantType: 'password',
  username: 'john',
  password: 'secret',
  scopes: [],
  clientId: null,
  clientSecret: null,
};
const whole = 'grant_type=password&username=john&password=secret';

// FastAPI 0.142 answers the same, with the names of its own attributes.
it.each([
  ['/token', whole, 200, johns],
  ['/token', 'username=john&password=secret', 200, { ...johns, grantType: null }],
  ['/strict', whole, 200, johns],
  [
    '/token',
    `${whole}&scope=me+items:read%20%20admin&client_id=app&client_secret=hush`,
    200,
    { ...johns, scopes: ['me', 'items:read', 'admin'], clientId: 'app', clientSecret: 'hush' },
  ],
  ['/token', '', 422, { detail: [missing('username'), missing('password')] }],
  ['/token', 'username=john&password=', 422, { detail: [missing('password')] }],
  ['/strict', 'username=john&password=secret', 422, { detail: [missing('grant_type')] }],
  ['/token', whole.replace('=password', '=code'), 422, { detail: [mismatch('code')] }],
  ['/strict', whole.replace('=password', '=passwords'), 422, { detail: [mismatch('passwords')] }],
])('%s reads the form "%s"', async (path, sent, status, body) => {
  const answer = await supertest(app).post(path).type('form').send(sent);
  expect([answer.status, answer.body]).toEqual([status, body]);
});
