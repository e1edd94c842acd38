import { type CallnextError, endpoint, Layer } from 'callnext';
import { Body, Query, type StandardSchemaV1 } from 'callnext/params';
import { z } from 'zod';
import * as mini from 'zod/mini';
import * as zod3 from 'zod/v3';
import { type Asked, ask, type Got } from '../support/ask.js';
import { type Framework, frameworks, listening, type TestApp } from '../support/frameworks.js';

const strays: unknown[] = [];
const noteStray = (reason: unknown): void => void strays.push(reason);
beforeAll(() => process.on('unhandledRejection', noteStray));
afterAll(() => process.off('unhandledRejection', noteStray));

let calls = 0;
const refused = async (): Promise<never> => {
  calls += 1;
  throw new Error('no database');
};

/** Each schema hides its asynchronous part in a different way. */
const rejecting: [string, StandardSchemaV1][] = [
  ['a refinement', z.string().refine(refused)],
  [
    'a second refinement',
    z
      .string()
      .refine(() => true)
      .refine(refused),
  ],
  ['superRefine', z.string().superRefine(refused)],
  ['check', z.string().check(refused)],
  ['transform', z.string().transform(refused)],
  ['preprocess', z.preprocess(refused, z.string())],
  ['a codec', z.codec(z.string(), z.string(), { decode: refused, encode: text => text })],
  ['an optional', z.string().refine(refused).optional()],
  ['a default', z.string().refine(refused).default('a')],
  ['a union', z.union([z.int(), z.string().refine(refused)])],
  ['a lazy schema', z.lazy(() => z.string().refine(refused))],
  ['zod/mini', mini.string().check(mini.refine(refused))],
  ['Zod 3', zod3.string().refine(refused)],
];

/** Returns the code of an error and the message of its cause. */
const shown = (error: unknown): object => {
  const { code, cause } = error as CallnextError & { cause?: Error };
  return { code, message: cause?.message };
};

describe.each(frameworks)('asynchronous Zod schemas on $name', (framework: Framework) => {
  const run = (mount: (app: TestApp) => TestApp, asked: Asked = {}): Promise<Got> => {
    const app = framework.app().errors(shown).use(new Layer());
    return listening(mount(app).listener(), (_url, port) => ask(port, asked));
  };
  beforeEach(() => {
    calls = 0;
    strays.splice(0);
  });

  it.each(rejecting)('runs %s once and answers its rejection with a 500', async (_name, schema) => {
    const got = await run(
      app =>
        app.at(
          '/',
          endpoint({ q: Query(schema) }, ({ q }) => q),
        ),
      { path: '/?q=a' },
    );
    expect([got.status, got.text, calls, strays]).toEqual([
      500,
      '{"code":"PARAM_SCHEMA","message":"no database"}',
      1,
      [],
    ]);
  });

  it('runs the refinements of a model and of a response model once', async () => {
    const free = async (): Promise<boolean> => {
      calls += 1;
      return true;
    };
    const Item = z.object({ name: z.string().refine(free), nested: z.object({ n: z.int().refine(free) }) });
    const write = endpoint({ item: Body(Item) }, ({ item }) => item, { responseModel: Item });
    const got = await run(app => app.at('/', write), {
      method: 'POST',
      body: '{"name":"a","nested":{"n":1}}',
      headers: { 'content-type': 'application/json' },
    });
    expect([got.status, got.text, calls]).toEqual([200, '{"name":"a","nested":{"n":1}}', 4]);
  });

  it('handles the rejection of a promise that a response model waits for', async () => {
    const Item = z.object({ n: z.promise(z.int()) });
    const read = endpoint({}, () => ({ n: refused() }), { responseModel: Item });
    const got = await run(app => app.at('/', read));
    expect([got.status, calls, strays]).toEqual([500, 1, []]);
  });

  it('reports the same errors for an asynchronous schema as for a synchronous one', async () => {
    const later = z.int().refine(async n => n % 2 === 0, 'must be even');
    const atOnce = z.int().refine(n => n % 2 === 0, 'must be even');
    const read = (n: StandardSchemaV1) => endpoint({ n: Query(n) }, ({ n }) => n);
    const answers = [later, atOnce].map(schema => run(app => app.at('/', read(schema)), { path: '/?n=3' }));
    const [first, second] = (await Promise.all(answers)).map(({ status, text }) => ({ status, text }));
    expect(first).toEqual({ status: 422, text: expect.stringContaining('must be even') });
    expect(first).toEqual(second);
  });
});
