import { override, TestClient } from 'callnext/testing';
import * as background from '../../examples/fastapi-tutorial/background-tasks.js';
import { page as classes } from '../../examples/fastapi-tutorial/classes-as-dependencies.js';
import { page as dependencies } from '../../examples/fastapi-tutorial/dependencies.js';
import { page as decorators } from '../../examples/fastapi-tutorial/dependencies-in-decorators.js';
import * as withYield from '../../examples/fastapi-tutorial/dependencies-with-yield.js';
import { page as globals } from '../../examples/fastapi-tutorial/global-dependencies.js';
import { page as errors, plainPage } from '../../examples/fastapi-tutorial/handling-errors.js';
import { createPage, journal } from '../../examples/fastapi-tutorial/lifespan.js';
import { page as middleware } from '../../examples/fastapi-tutorial/middleware.js';
import { onExpress, onKoa, type Page } from '../../examples/fastapi-tutorial/page.js';
import * as settings from '../../examples/fastapi-tutorial/settings.js';
import { page as subs } from '../../examples/fastapi-tutorial/sub-dependencies.js';
import * as testing from '../../examples/fastapi-tutorial/testing-dependencies.js';

// The requests and expectations of FastAPI's own documentation tests (tests/test_tutorial), by page.
describe.each([
  ['Express', onExpress],
  ['Koa', onKoa],
])("FastAPI's tutorial on %s", (_name, mount) => {
  const clients: TestClient[] = [];
  const clientOf = (page: Page): TestClient => {
    const client = new TestClient(mount(page));
    clients.push(client);
    return client;
  };
  const answers = async (
    page: Page,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<unknown> => {
    const response = await clientOf(page).get(path, { headers });
    return [response.status, await response.json()];
  };
  afterEach(() => Promise.all(clients.splice(0).map(client => client.close())));

  it('middleware', async () => {
    const response = await clientOf(middleware).get('/');
    expect(Number(response.headers.get('x-process-time'))).toBeGreaterThan(0);
    expect(await response.json()).toEqual({ message: 'Hello World' });
  });

  it.each([
    ['/items', { q: null, skip: 0, limit: 100 }],
    ['/items?q=foo', { q: 'foo', skip: 0, limit: 100 }],
    ['/items?q=foo&skip=5', { q: 'foo', skip: 5, limit: 100 }],
    ['/items?q=foo&skip=5&limit=30', { q: 'foo', skip: 5, limit: 30 }],
    ['/users', { q: null, skip: 0, limit: 100 }],
  ])('dependencies: %s', async (path, body) => {
    expect(await answers(dependencies, path)).toEqual([200, body]);
  });

  it.each([
    ['/items', { items: [{ item_name: 'Foo' }, { item_name: 'Bar' }, { item_name: 'Baz' }] }],
    ['/items?q=foo', { items: [{ item_name: 'Foo' }, { item_name: 'Bar' }, { item_name: 'Baz' }], q: 'foo' }],
    ['/items?q=foo&skip=1', { items: [{ item_name: 'Bar' }, { item_name: 'Baz' }], q: 'foo' }],
    ['/items?q=bar&limit=2', { items: [{ item_name: 'Foo' }, { item_name: 'Bar' }], q: 'bar' }],
    ['/items?q=bar&skip=1&limit=1', { items: [{ item_name: 'Bar' }], q: 'bar' }],
  ])('classes as dependencies: %s', async (path, body) => {
    expect(await answers(classes, path)).toEqual([200, body]);
  });

  it('sub-dependencies', async () => {
    expect(await answers(subs, '/items')).toEqual([200, { q_or_cookie: null }]);
    expect(await answers(subs, '/items?q=bar', { cookie: 'last_query=foo' })).toEqual([
      200,
      { q_or_cookie: 'bar' },
    ]);
    expect(await answers(subs, '/items', { cookie: 'last_query=foo' })).toEqual([
      200,
      { q_or_cookie: 'foo' },
    ]);
    expect(await answers(subs, '/needy')).toEqual([200, { isSame: true, isFresh: true }]);
  });

  const token = { 'x-token': 'fake-super-secret-token' };
  const key = { 'x-key': 'fake-super-secret-key' };
  it.each([
    ['in decorators', decorators, '/items', [{ item: 'Foo' }, { item: 'Bar' }]],
    ['global', globals, '/items', [{ item: 'Portal Gun' }, { item: 'Plumbus' }]],
    ['global', globals, '/users', [{ username: 'Rick' }, { username: 'Morty' }]],
  ])('dependencies %s', async (_kind, page, path, body) => {
    expect(await answers(page, path, { ...token, ...key })).toEqual([200, body]);
    expect(await answers(page, path, { ...key, 'x-token': 'no' })).toEqual([
      400,
      { detail: 'X-Token header invalid' },
    ]);
    const missing = { type: 'missing', loc: ['header', 'x-token'], msg: 'Field required', input: null };
    expect(await answers(page, path, { ...key })).toEqual([422, { detail: [missing] }]);
    expect(await answers(page, path, { ...token, 'x-key': 'no' })).toEqual([
      400,
      { detail: 'X-Key header invalid' },
    ]);
  });

  describe('dependencies with yield', () => {
    const { events, page } = withYield;
    beforeEach(() => events.splice(0));
    const play = async (path: string): Promise<unknown> => {
      const client = clientOf(page);
      const response = await client.get(path);
      const body: unknown = await response.text();
      await client.settled();
      return [response.status, body];
    };

    it('exit in reverse order after the response', async () => {
      expect(await play('/nested')).toEqual([200, '{"b":"b of a"}']);
      expect(events).toEqual(['enter a', 'enter b', 'answered 200', 'session closed', 'exit b', 'exit a']);
    });

    it('turn what the endpoint throws into an HTTPException', async () => {
      expect(await play('/items/foo')).toEqual([404, '{"detail":"Item not found"}']);
      expect(await play('/items/plumbus')).toEqual([400, '{"detail":"Owner error: Rick"}']);
      const [status, body] = (await play('/items/portal-gun')) as [number, string];
      expect([status, JSON.parse(body)]).toEqual([
        200,
        { description: 'Gun to create portals', owner: 'Rick' },
      ]);
    });

    it('answer with a 500 and a report when one swallows the exception', async () => {
      jest.spyOn(console, 'error').mockImplementation(() => undefined);
      const [status] = (await play('/swallowed/portal-gun')) as [number];
      expect(status).toBe(500);
      expect(events).toContain("caught Error: we don't raise again");
      jest.restoreAllMocks();
    });

    it('exit before the response with scope `function`', async () => {
      expect(await play('/users/me')).toEqual([200, '"Rick"']);
      expect(events).toEqual(['cleanup before the response is sent', 'answered 200']);
    });
  });

  it('background tasks', async () => {
    const client = clientOf(background.page);
    background.log.splice(0);
    const response = await client.post('/send-notification/foo@example.com');
    expect(await response.json()).toEqual({ message: 'Notification sent in the background' });
    await client.settled();
    await client.post('/send-logged/foo@example.com?q=some-query');
    await client.settled();
    expect(background.log).toEqual([
      'notification for foo@example.com: some notification',
      'found query: some-query',
      'message to foo@example.com',
    ]);
  });

  it('handling errors', async () => {
    expect(await answers(errors, '/items/foo')).toEqual([200, { item: 'The Foo Wrestlers' }]);
    expect(await answers(errors, '/items/bar')).toEqual([404, { detail: 'Item not found' }]);
    const response = await clientOf(errors).get('/items-header/bar');
    expect([response.status, response.headers.get('x-error')]).toEqual([404, 'There goes my error']);
    expect(await answers(errors, '/unicorns/shinny')).toEqual([200, { unicorn_name: 'shinny' }]);
    expect(await answers(errors, '/unicorns/yolo')).toEqual([
      418,
      { message: 'Oops! yolo did something. There goes a rainbow...' },
    ]);
    expect(await answers(plainPage, '/items/1')).toEqual([200, { item_id: 1 }]);
    const plain = await clientOf(plainPage).get('/items/3');
    expect([plain.status, await plain.text()]).toEqual([418, "Nope! I don't like 3."]);
  });

  it('testing dependencies with overrides', async () => {
    using _override = override(testing.page.layer, testing.commonParameters, ({ request }) => ({
      q: request.queryParams.get('q'),
      skip: 5,
      limit: 10,
    }));
    expect(await answers(testing.page, '/items')).toEqual([
      200,
      { message: 'Hello Items!', params: { q: null, skip: 5, limit: 10 } },
    ]);
    expect(await answers(testing.page, '/items?q=foo&skip=100&limit=200')).toEqual([
      200,
      { message: 'Hello Items!', params: { q: 'foo', skip: 5, limit: 10 } },
    ]);
  });

  it('lifespan events', async () => {
    journal.length = 0;
    const page = createPage();
    await page.layer.start();
    expect(journal).toEqual(['load the model']);
    expect(await answers(page, '/predict?x=2')).toEqual([200, { result: 84 }]);
    await page.layer.close();
    expect(journal).toEqual(['load the model', 'release the model']);
  });

  it('settings and an override', async () => {
    const body = { app_name: 'Awesome API', admin_email: 'admin@example.com', items_per_user: 50 };
    expect(await answers(settings.page, '/info')).toEqual([200, body]);
    const testing = { ...body, admin_email: 'testing_admin@example.com' };
    using _override = override(settings.page.layer, settings.getSettings, () => testing);
    expect(await answers(settings.page, '/info')).toEqual([200, testing]);
  });
});
