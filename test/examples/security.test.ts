import supertest from 'supertest';
import { app } from '../../examples/security/app.js';

const logIn = (username: string, password: string, scope = '') =>
  supertest(app).post('/token').type('form').send({ grant_type: 'password', username, password, scope });

async function tokenOf(username: string, password: string, scope: string): Promise<string> {
  const { body } = await logIn(username, password, scope).expect(200);
  return `Bearer ${body.access_token}`;
}

it('a client logs in and uses its token', async () => {
  const token = await tokenOf('john', 'secret', 'me items');
  const me = await supertest(app).get('/users/me').set('authorization', token).expect(200);
  expect(me.body).toEqual({ username: 'john' });
  const items = await supertest(app).get('/users/me/items').set('authorization', token).expect(200);
  expect(items.body).toEqual([{ item: 'Towel', owner: 'john' }]);
});

it.each([
  ['john', 'wrong'],
  ['nobody', 'secret'],
])('%s with the password %s is refused', async (username, password) => {
  const { body } = await logIn(username, password).expect(400);
  expect(body).toEqual({ detail: 'Incorrect username or password' });
});

it.each([
  ['no token', undefined, 'Not authenticated', 'Bearer'],
  ['an empty token', 'Bearer', 'Could not validate credentials', 'Bearer scope="me"'],
  [
    'a forged token',
    'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJqb2huIn0.',
    'Could not validate credentials',
    'Bearer scope="me"',
  ],
])('a request with %s is refused', async (_what, authorization, detail, challenge) => {
  const asked = supertest(app).get('/users/me');
  if (authorization) asked.set('authorization', authorization);
  const { status, body, headers } = await asked;
  expect([status, body, headers['www-authenticate']]).toEqual([401, { detail }, challenge]);
});

it('a scope that the user does not have is not granted', async () => {
  const token = await tokenOf('alice', 'wonderland', 'me items');
  await supertest(app).get('/users/me').set('authorization', token).expect(200);
  const { body, headers } = await supertest(app)
    .get('/users/me/items')
    .set('authorization', token)
    .expect(401);
  expect([body.detail, headers['www-authenticate']]).toEqual([
    'Not enough permissions',
    'Bearer scope="items"',
  ]);
});

it('the document says how clients get a token', async () => {
  const { body } = await supertest(app).get('/openapi.json').expect(200);
  expect(body.paths['/users/me/items'].get.security).toEqual([{ OAuth2PasswordBearer: ['items'] }]);
  expect(body.components.securitySchemes.OAuth2PasswordBearer.flows.password.tokenUrl).toBe('/token');
});
