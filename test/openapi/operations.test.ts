import { Validator } from '@seriousme/openapi-schema-validator';
import {
  type Declared,
  Depends,
  dependency,
  type Endpoint,
  type EndpointOptions,
  endpoint,
  HTMLResponse,
  PlainTextResponse,
  RedirectResponse,
} from 'callnext';
import { toExpress } from 'callnext/express';
import { openapi } from 'callnext/openapi';
import { Body, Path, Query } from 'callnext/params';
import {
  APIKeyCookie,
  APIKeyHeader,
  APIKeyQuery,
  HTTPBasic,
  HTTPBearer,
  HTTPDigest,
  OAuth2AuthorizationCodeBearer,
  OAuth2PasswordBearer,
  OAuth2PasswordRequestForm,
  OpenIdConnect,
  Security,
  SecurityScopes,
} from 'callnext/security';
import express from 'express';
import supertest from 'supertest';
import { z } from 'zod';
import fastapi from './fastapi-operations.json' with { type: 'json' };

const Item = z.object({ name: z.string(), price: z.number() }).meta({ id: 'Item' });
const Message = z.object({ message: z.string() }).meta({ id: 'Message' });
const itemId = Path(z.int(), { alias: 'item_id' });

const app = express();
const nothing = () => null;
const operation = (
  name: string,
  dependencies: Record<string, Declared<unknown>> = {},
  options: EndpointOptions<undefined> = {},
): express.RequestHandler => {
  const handler = Object.defineProperty(() => null, 'name', { value: name });
  return toExpress(endpoint(dependencies, handler, options)) as never;
};

app.get(
  '/items/',
  operation(
    'listItems',
    {},
    {
      tags: ['items'],
      summary: 'All items',
      description: 'Lists **all**',
      responseDescription: 'The items',
      deprecated: true,
      responses: {
        404: { model: Message },
        '4XX': { description: 'Bad' },
        default: { description: 'Else' },
        200: { headers: { 'X-Count': { schema: { type: 'integer' } } } },
      },
    },
  ),
);
const createItem: Endpoint = endpoint(
  { item: Body(Item) },
  function createItem({ item }) {
    return item;
  },
  {
    tags: ['items', 'admin'],
    status: 201,
    responseModel: Item,
    responses: { 409: {}, 418: { content: { 'text/plain': {} } } },
  },
);
app.post('/items/', toExpress(createItem) as never);
app.delete('/items/:item_id', operation('deleteItem', { itemId }, { status: 204 }));
app.put(
  '/items/:item_id',
  operation(
    'updateItem',
    { itemId, item: Body(Item, { embed: true }) },
    {
      operationId: 'putIt',
      openapiExtra: { 'x-internal': true, tags: ['extra'], responses: { 200: { 'x-more': 1 } } },
    },
  ),
);
app.get('/page', operation('readPage', {}, { responseClass: HTMLResponse as never }));
app.get('/text', operation('readText', {}, { responseClass: PlainTextResponse as never }));
app.get('/away', operation('goAway', {}, { responseClass: RedirectResponse as never }));
app.get('/hidden', operation('hidden', {}, { includeInSchema: false }));

const oauth2 = new OAuth2PasswordBearer({
  tokenUrl: 'token',
  refreshUrl: 'refresh',
  scopes: { me: 'You', items: 'Items' },
});
const getUser = dependency({ required: Depends(SecurityScopes), token: Depends(oauth2) }, nothing);
const getActive = dependency({ user: Security(getUser, { scopes: ['me'] }) }, nothing);
app.get(
  '/all',
  operation('readAll', {
    a: Depends(new HTTPBearer({ bearerFormat: 'JWT', description: 'A token' })),
    b: Depends(new HTTPBasic({ realm: 'x' })),
    c: Depends(new HTTPDigest()),
    d: Depends(new APIKeyHeader({ name: 'x-key' })),
    e: Depends(new APIKeyQuery({ name: 'key' })),
    f: Depends(new APIKeyCookie({ name: 'key' })),
    g: Depends(new OAuth2AuthorizationCodeBearer({ authorizationUrl: 'ask', tokenUrl: 'token' })),
    h: Depends(new OpenIdConnect({ openIdConnectUrl: '/well-known', schemeName: 'sso' })),
  }),
);
app.get('/me', operation('readMe', { user: Depends(getActive) }));
app.get('/mine', operation('readMine', { user: Security(getActive, { scopes: ['items'] }) }));
app.get('/status', operation('readStatus', { user: Depends(getUser) }));
app.post('/token', operation('logIn', { form: Depends(OAuth2PasswordRequestForm) }));

const info = {
  title: 'Shop',
  version: '1.2.0',
  summary: 'A shop',
  description: '**All** of it',
  termsOfService: 'https://example.com/terms',
  contact: { name: 'Jo', email: 'jo@example.com' },
  license: { name: 'MIT', identifier: 'MIT' },
  servers: [{ url: 'https://shop.example.com', description: 'Live' }],
  tags: [{ name: 'items', description: 'What is sold' }],
};
app.get('/openapi.json', toExpress(openapi(app, info)) as never);

/** Without the titles that pydantic makes up, and without `null` in unions, which a default replaces here. */
function withoutTitles(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutTitles);
  if (typeof node !== 'object' || node === null) return node;
  const { title, anyOf, ...rest } = node as Record<string, unknown>;
  const [only, second] = [anyOf].flat() as { type?: unknown }[];
  if (second?.type === 'null') return withoutTitles({ ...only, ...rest });
  if (anyOf !== undefined) rest.anyOf = anyOf;
  const entries = Object.entries(rest).map(([key, value]) => [key, withoutTitles(value)]);
  return Object.fromEntries(entries);
}

it('the document of an app has every operation as FastAPI writes it', async () => {
  const { body } = await supertest(app).get('/openapi.json').expect(200);
  expect(withoutTitles(body)).toEqual(withoutTitles(fastapi));
  const { errors } = await new Validator().validate(body);
  expect(errors ?? []).toEqual([]);
});

it('a named model of the query is a parameter for each property', async () => {
  const Paging = z.object({ skip: z.int().default(0), limit: z.int() }).meta({ id: 'Paging' });
  const paged = express();
  paged.get('/', toExpress(endpoint({ paging: Query(Paging) }, ({ paging }) => paging.limit)) as never);
  paged.get('/openapi.json', toExpress(openapi(paged, { title: 'Paged', version: '1' })) as never);
  const { body } = await supertest(paged).get('/openapi.json').expect(200);
  expect(body.paths['/'].get.parameters).toEqual([
    { name: 'skip', in: 'query', required: false, schema: { type: 'integer', default: 0 } },
    { name: 'limit', in: 'query', required: true, schema: { type: 'integer' } },
  ]);
});
