import { endpoint, Layer } from 'callnext';
import { inject, toExpress } from 'callnext/express';
import { describe as describeHandler, openapi } from 'callnext/openapi';
import { Path, Query } from 'callnext/params';
import express from 'express';
import supertest from 'supertest';
import { z } from 'zod';

const Item = z.object({ id: z.int() }).meta({ id: 'Item' });

function withDocument(app: express.Express): express.Express {
  app.get('/openapi.json', toExpress(openapi(app, { title: 'Shop', version: '1' })) as never);
  return app;
}

it('puts a native handler into the document, and leaves it as it is', async () => {
  const dependencies = { itemId: Path(z.int(), { alias: 'item_id' }), q: Query(z.string().optional()) };
  const readItem: express.RequestHandler = async (req, res) => {
    const { itemId } = await inject(req, dependencies);
    res.json({ id: itemId });
  };
  const options = { tags: ['items'], status: 201, responseModel: Item, dependencies };
  const described = describeHandler(readItem, options);
  expect(described).toBe(readItem);
  const app = withDocument(
    express()
      .use(toExpress(new Layer()) as never)
      .get('/items/:item_id', described),
  );
  expect((await supertest(app).get('/items/7')).body).toEqual({ id: 7 });
  const { body } = await supertest(app).get('/openapi.json').expect(200);
  expect(body.paths['/items/{item_id}'].get).toMatchObject({
    tags: ['items'],
    summary: 'Read Item',
    operationId: 'read_item_items__item_id__get',
    parameters: [
      { name: 'item_id', in: 'path', required: true, schema: { type: 'integer' } },
      { name: 'q', in: 'query', required: false, schema: { type: 'string' } },
    ],
    responses: {
      201: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Item' } } } },
    },
  });
});

it('leaves a native handler out that is not described', async () => {
  const app = withDocument(express().get('/native', (_req, res) => void res.json(1)));
  const { body } = await supertest(app).get('/openapi.json').expect(200);
  expect(body.paths).toEqual({});
});

it.each([
  ['DESCRIBE', () => describeHandler('handler' as never, {})],
  ['DESCRIBE', () => describeHandler(toExpress(endpoint({}, () => 1)) as never, {})],
  ['UNKNOWN_OPTION', () => describeHandler(() => 1, { summmary: 'x' } as never)],
  ['OPTION_VALUE', () => describeHandler(() => 1, { tags: 'items' as never })],
  ['RESPONSE_MODEL', () => describeHandler(() => 1, { responseModel: {} as never })],
  ['STATUS', () => describeHandler(() => 1, { status: 99 })],
  ['OPTION_VALUE', () => endpoint({}, () => 1, { deprecated: 'yes' as never })],
  ['OPTION_VALUE', () => openapi(express(), { title: 'Shop' } as never)],
  ['OPTION_VALUE', () => openapi(express(), { title: 'Shop', version: '1', mounts: [['api', {}]] })],
  ['UNKNOWN_OPTION', () => openapi(express(), { title: 'Shop', version: '1', info: {} } as never)],
])('throws %s for %s', (code, build) => {
  expect(build).toThrow(expect.objectContaining({ code }));
});
