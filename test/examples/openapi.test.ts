import { Validator } from '@seriousme/openapi-schema-validator';
import supertest from 'supertest';
import { app } from '../../examples/openapi/app.js';

it('the shop responds with its document, and as the document says', async () => {
  const { body } = await supertest(app).get('/openapi.json').expect(200);
  expect((await new Validator().validate(body)).valid).toBe(true);
  const names = Object.entries(body.paths as Record<string, object>).map(([path, item]) => [
    path,
    ...Object.values(item).map(({ operationId }) => operationId),
  ]);
  expect(names).toEqual([
    ['/shop/items', 'listItems'],
    ['/shop/items/{item_id}', 'read_item_shop_items__item_id__get', 'write_item_shop_items__item_id__put'],
  ]);
  expect(body.paths['/shop/items/{item_id}'].put.security).toEqual([{ HTTPBearer: [] }]);
  const item = { name: 'Robe', price: 42 };
  await supertest(app).put('/shop/items/2').send(item).expect(401);
  await supertest(app)
    .put('/shop/items/2')
    .set('authorization', 'Bearer secret-token')
    .send(item)
    .expect(200);
  expect((await supertest(app).get('/shop/items?skip=1').expect(200)).body).toEqual([item]);
});

it('the shop has a docs page that loads its document', async () => {
  const { text } = await supertest(app)
    .get('/docs')
    .expect(200)
    .expect('content-type', /^text\/html/);
  expect(text).toContain('"url":"openapi.json"');
});
