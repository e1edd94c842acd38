import path from 'node:path';
import { withChildServer } from '../support/child-server.js';
import { frameworks } from '../support/frameworks.js';

type Trees = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const fromHttp = '@opentelemetry/instrumentation-http undefined';

/** The tree of a request, for each kind of answer. */
const expected = {
  success: [
    fromHttp,
    'SERVER GET 200',
    '  middleware timing',
    '    native code',
    '      dependency getDb',
    '      endpoint read',
    '  dependency exit getDb',
    '  task notify',
    '    mail',
  ],
  failure: [
    fromHttp,
    'SERVER GET 500 error undefined (callnext.report)',
    '  middleware timing error RangeError',
    '    native code error RangeError',
    '      dependency getDb',
    '      endpoint fail error RangeError (exception)',
    '  dependency exit getDb',
  ],
  missing: [
    fromHttp,
    'SERVER GET 404',
    '  middleware timing',
    '    native code',
    '      dependency getDb',
    '      endpoint miss',
    '  dependency exit getDb',
  ],
  stream: [
    fromHttp,
    'SERVER GET 200',
    '  middleware timing',
    '    native code',
    '      dependency getDb',
    '      endpoint stream',
    '      row',
    '  dependency exit getDb',
  ],
  native: [fromHttp, 'SERVER GET 200', '  middleware timing', '    native code', '      mail'],
};

describe('spans beside `@opentelemetry/instrumentation-http`', () => {
  let trees: Trees;
  beforeAll(async () => {
    const file = path.join(__dirname, 'http-server.ts');
    trees = await withChildServer(file, [], {}, ({ tell }) => tell('go') as Promise<Trees>);
  }, 30_000);

  it.each(frameworks)('are below its span on $name, exits and tasks too', ({ name }) => {
    expect(trees[name]).toEqual(expected);
  });

  it.each(['express', 'koa'])('give it the route on %s', host => {
    const [made, server] = trees.routed?.[host] ?? [];
    expect(made).toBe('@opentelemetry/instrumentation-http /users/:user/items/:id');
    expect(server).toBe('SERVER GET /users/:user/items/:id 200');
  });
});
