import { TestClient } from 'callnext/testing';
import { page as body } from '../../examples/fastapi-tutorial/body.js';
import { page as multiple } from '../../examples/fastapi-tutorial/body-multiple-params.js';
import { page as nested } from '../../examples/fastapi-tutorial/body-nested-models.js';
import { page as dataTypes } from '../../examples/fastapi-tutorial/extra-data-types.js';
import { bodyPage, plainPage } from '../../examples/fastapi-tutorial/handling-errors.js';
import { page as headers } from '../../examples/fastapi-tutorial/header-and-cookie-params.js';
import { onExpress, onKoa, type Page } from '../../examples/fastapi-tutorial/page.js';
import { page as models } from '../../examples/fastapi-tutorial/parameter-models.js';
import { page as paths } from '../../examples/fastapi-tutorial/path-params.js';
import { page as numbers } from '../../examples/fastapi-tutorial/path-params-numeric-validations.js';
import { page as queries } from '../../examples/fastapi-tutorial/query-params.js';
import { page as texts } from '../../examples/fastapi-tutorial/query-params-str-validations.js';
import { page as files } from '../../examples/fastapi-tutorial/request-files.js';
import { page as forms } from '../../examples/fastapi-tutorial/request-forms.js';
import { page as responses } from '../../examples/fastapi-tutorial/response-model.js';

type Sent = Parameters<TestClient['fetch']>[1];

// What FastAPI's own tests of its documentation ask and expect; test/params/table has the errors in full.
describe.each([
  ['Express', onExpress],
  ['Koa', onKoa],
])("the parameters of FastAPI's tutorial on %s", (_name, mount) => {
  const play = async (page: Page, path: string, sent: Sent = {}): Promise<unknown> => {
    await using client = new TestClient(mount(page));
    const response = await client.fetch(path, sent);
    return [response.status, await response.json()];
  };
  /** The type and the place of each error of a 422. */
  const refused = async (page: Page, path: string, sent: Sent = {}): Promise<unknown> => {
    const [status, { detail }] = (await play(page, path, sent)) as [
      number,
      { detail: { type: string; loc: unknown[] }[] },
    ];
    return [status, ...detail.map(({ type, loc }) => `${type} ${loc.join('.')}`)];
  };
  const put = (json: unknown): Sent => ({ method: 'PUT', json });
  const post = (json: unknown): Sent => ({ method: 'POST', json });
  const form = (fields: Record<string, string>): Sent => ({
    method: 'POST',
    body: new URLSearchParams(fields),
  });
  const upload = (...fields: [name: string, value: string, filename?: string][]): Sent => {
    const data = new FormData();
    for (const [name, value, filename] of fields)
      if (filename === undefined) data.append(name, value);
      else data.append(name, new Blob([value], { type: 'text/plain' }), filename);
    return { method: 'POST', body: data };
  };

  it('path parameters', async () => {
    expect(await play(paths, '/items/1')).toEqual([200, { item_id: 1 }]);
    expect(await refused(paths, '/items/item1')).toEqual([422, 'int_parsing path.item_id']);
    expect(await play(paths, '/users/me')).toEqual([200, { user_id: 'the current user' }]);
    expect(await play(paths, '/users/alice')).toEqual([200, { user_id: 'alice' }]);
    expect(await play(paths, '/models/resnet')).toEqual([
      200,
      { model_name: 'resnet', message: 'Have some residuals' },
    ]);
    expect(await refused(paths, '/models/foo')).toEqual([422, 'literal_error path.model_name']);
    expect(await play(paths, '/files/home/me/my.txt')).toEqual([200, { file_path: 'home/me/my.txt' }]);
  });

  it('query parameters', async () => {
    expect(await play(queries, '/items?skip=1&limit=1')).toEqual([200, [{ item_name: 'Bar' }]]);
    expect(await play(queries, '/items/foo?q=some&short=true')).toEqual([200, { item_id: 'foo', q: 'some' }]);
    expect(await play(queries, '/items/foo')).toEqual([
      200,
      { item_id: 'foo', description: 'An item that has a long description' },
    ]);
    expect(await play(queries, '/users/1/items/foo?needy=very')).toEqual([
      200,
      { item_id: 'foo', owner_id: 1, needy: 'very', skip: 0, limit: null },
    ]);
    expect(await refused(queries, '/users/1/items/foo?skip=a&limit=b')).toEqual([
      422,
      'missing query.needy',
      'int_parsing query.skip',
      'int_parsing query.limit',
    ]);
  });

  it('string and number validations', async () => {
    const items = [{ item_id: 'Foo' }, { item_id: 'Bar' }];
    expect(await play(texts, '/items?item-query=fixedquery')).toEqual([200, { items, q: 'fixedquery' }]);
    expect(await refused(texts, '/items?item-query=another')).toEqual([
      422,
      'string_pattern_mismatch query.item-query',
    ]);
    expect(await play(texts, '/default')).toEqual([200, { items, q: 'fixedquery' }]);
    expect(await refused(texts, '/required?q=fa')).toEqual([422, 'string_too_short query.q']);
    expect(await play(texts, '/list?q=foo')).toEqual([200, { q: ['foo'] }]);
    expect(await play(texts, '/books?id=isbn-9781529046137')).toEqual([
      200,
      { id: 'isbn-9781529046137', name: "The Hitchhiker's Guide to the Galaxy" },
    ]);
    expect(await refused(texts, '/books?id=wtf-yes')).toEqual([422, 'value_error query.id']);
    expect(await play(numbers, '/items/0?q=&size=0.1')).toEqual([200, { item_id: 0, size: 0.1 }]);
    expect(await refused(numbers, '/items/1001?size=10.5')).toEqual([
      422,
      'less_than_equal path.item_id',
      'missing query.q',
      'less_than query.size',
    ]);
  });

  it('models of query parameters, cookies and headers', async () => {
    expect(await play(models, '/items?limit=10&tags=a&tool=plumbus')).toEqual([
      200,
      { limit: 10, offset: 0, order_by: 'created_at', tags: ['a'] },
    ]);
    expect(await refused(models, '/strict?tool=plumbus')).toEqual([422, 'extra_forbidden query.tool']);
    const cookie = 'session_id=1; fatebook_tracker=2';
    expect(await play(models, '/cookies', { headers: { cookie } })).toEqual([
      200,
      { session_id: '1', fatebook_tracker: '2', googall_tracker: null },
    ]);
    expect(await refused(models, '/cookies')).toEqual([422, 'missing cookie.session_id']);
    const [, given] = (await play(models, '/headers', { headers: { 'save-data': 'on' } })) as [
      number,
      object,
    ];
    expect(given).toMatchObject({ save_data: true, if_modified_since: null, x_tag: [] });
  });

  it('headers and cookies', async () => {
    expect(await play(headers, '/agent', { headers: { 'user-agent': 'test' } })).toEqual([
      200,
      { 'User-Agent': 'test' },
    ]);
    const strange = { strange_header: 'yes', 'strange-header': 'no' };
    expect(await play(headers, '/strange', { headers: strange })).toEqual([200, { strange_header: 'yes' }]);
    expect(await play(headers, '/tokens', { headers: { 'x-token': 'foo' } })).toEqual([
      200,
      { 'X-Token values': ['foo'] },
    ]);
    expect(await play(headers, '/ads', { headers: { cookie: 'ads_id=track' } })).toEqual([
      200,
      { ads_id: 'track' },
    ]);
  });

  it('bodies', async () => {
    const item = { name: 'Foo', description: null, price: 50.5, tax: 0.5 };
    expect(await play(body, '/items', post(item))).toEqual([200, { ...item, price_with_tax: 51 }]);
    expect(await refused(body, '/items', post({}))).toEqual([422, 'missing body.name', 'missing body.price']);
    expect(await play(body, '/items/5?q=x', put(item))).toEqual([200, { item_id: 5, ...item, q: 'x' }]);
    const user = { username: 'dave', full_name: null };
    expect(await play(multiple, '/items/5', put({ item, user, importance: 1 }))).toEqual([
      200,
      { item_id: 5, item, user, importance: 1 },
    ]);
    expect(await refused(multiple, '/items/5', put({ item: { ...item, price: -1 } }))).toEqual([
      422,
      'greater_than body.item.price',
      'missing body.user',
      'missing body.importance',
    ]);
    expect(await play(multiple, '/embedded/5', put({ item }))).toEqual([200, { item_id: 5, item }]);
    expect(await refused(multiple, '/embedded/5', put(item))).toEqual([422, 'missing body.item']);
  });

  it('nested models and other data types', async () => {
    const image = { url: 'http://example.com/image.png', name: 'example' };
    const offer = { name: 'Offer', description: null, price: 1, items: [] };
    expect(await play(nested, '/offers', post(offer))).toEqual([200, offer]);
    const broken = { ...offer, items: [{ name: 'Foo', price: 1, images: [{}] }] };
    expect(await refused(nested, '/offers', post(broken))).toEqual([
      422,
      'missing body.items.0.images.0.url',
      'missing body.items.0.images.0.name',
    ]);
    expect(await play(nested, '/images/multiple', post([image]))).toEqual([200, [image]]);
    expect(await play(nested, '/index-weights', post({ 2: 2.2 }))).toEqual([200, { 2: 2.2 }]);
    const times = {
      start_datetime: '2018-12-22T14:00:00+00:00',
      end_datetime: '2018-12-24T15:00:00+00:00',
      process_after: 300,
    };
    const id = 'ff97dd87-a4a5-4a12-b412-cde99f33e00e';
    expect(await play(dataTypes, `/items/${id}`, put(times))).toEqual([
      200,
      { item_id: id, repeat_at: null, start_process: '2018-12-22T14:05:00.000Z', duration: 176_100 },
    ]);
  });

  it('response models', async () => {
    const user = { username: 'foo', password: 'fighter', email: 'foo@example.com', full_name: null };
    const { password: _password, ...sent } = user;
    expect(await play(responses, '/user', post(user))).toEqual([201, sent]);
    expect(await play(responses, '/vehicles/item1')).toEqual([
      200,
      { description: 'All my friends drive a low rider', type: 'car' },
    ]);
    expect(await play(responses, '/keyword-weights')).toEqual([200, { foo: 2.3, bar: 3.4 }]);
  });

  it('forms and files', async () => {
    const login = { username: 'Foo', password: 'secret' };
    expect(await play(forms, '/login', form(login))).toEqual([200, { username: 'Foo' }]);
    expect(await refused(forms, '/login', form({ username: 'Foo' }))).toEqual([422, 'missing body.password']);
    expect(await play(forms, '/model', form(login))).toEqual([200, login]);
    expect(await refused(forms, '/model', form({ ...login, extra: '1' }))).toEqual([
      422,
      'extra_forbidden body.extra',
    ]);
    expect(await play(files, '/file', upload(['file', '<file content>', 'test.txt']))).toEqual([
      200,
      { filename: 'test.txt', file_size: 14 },
    ]);
    expect(await refused(files, '/file', post({ file: 'Foo' }))).toEqual([422, 'missing body.file']);
    expect(await play(files, '/optional', { method: 'POST' })).toEqual([
      200,
      { message: 'No upload file sent' },
    ]);
    expect(await play(files, '/files', upload(['files', 'a', 'a.txt'], ['files', 'b', 'b.txt']))).toEqual([
      200,
      { filenames: ['a.txt', 'b.txt'] },
    ]);
    const both = upload(['file', 'abc', 'a.txt'], ['fileb', 'b', 'b.txt'], ['token', 'foo']);
    expect(await play(files, '/with-token', both)).toEqual([
      200,
      { file_size: 3, token: 'foo', fileb_content_type: 'text/plain' },
    ]);
  });

  it('another answer for validation errors', async () => {
    await using client = new TestClient(mount(plainPage));
    const response = await client.get('/items/foo');
    expect([response.status, await response.text()]).toEqual([
      400,
      'Validation errors:\nField: path.item_id, Error: Input should be a valid integer, ' +
        'unable to parse string as an integer',
    ]);
    const towel = { title: 'towel', size: 'XL' };
    expect(await play(bodyPage, '/items', post(towel))).toEqual([
      422,
      { detail: [expect.objectContaining({ type: 'int_parsing', loc: ['body', 'size'] })], body: towel },
    ]);
  });
});
