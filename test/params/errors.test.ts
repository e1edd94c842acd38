import { endpoint, Layer } from 'callnext';
import { Form, Query, type StandardSchemaV1 } from 'callnext/params';
import { z } from 'zod';
import { type Asked, ask, type Got } from '../support/ask.js';
import { type Framework, frameworks, listening, type TestApp } from '../support/frameworks.js';

const file = 'x'.repeat(3_000_000); // on disk, because it is larger than what is held in memory
const upload: Asked = {
  method: 'POST',
  headers: { 'content-type': 'multipart/form-data; boundary=edge' },
  body: `--edge\r\ncontent-disposition: form-data; name="text"; filename="a.txt"\r\n\r\n${file}\r\n--edge--\r\n`,
};

/** A schema that returns this result. */
const returning = (result: unknown): StandardSchemaV1 => ({
  '~standard': { version: 1, vendor: 'test', validate: () => result as StandardSchemaV1.Result<unknown> },
});

interface Answered {
  detail: { input: unknown }[];
}

describe.each(frameworks)('errors of parameters on $name', (framework: Framework) => {
  const run = (mount: (app: TestApp) => TestApp, asked: Asked = {}): Promise<Got> => {
    const app = framework
      .app()
      .errors(error => ({ code: (error as { code?: string }).code }))
      .use(new Layer({ onError: () => undefined }));
    return listening(mount(app).listener(), (_url, port) => ask(port, asked));
  };

  it.each([
    ['a field', Form(z.string(), { alias: 'text' }), {}],
    ['a model', Form(z.object({ title: z.string() })), { text: {} }],
  ])('never show the path of a file that was sent for %s', async (_name, text, input) => {
    const { status, text: answer } = await run(
      app =>
        app.at(
          '/',
          endpoint({ text }, () => null),
        ),
      upload,
    );
    const { detail } = JSON.parse(answer) as Answered;
    expect([status, detail.map(each => each.input)]).toEqual([422, [input]]);
  });

  it.each([
    ['no issues in its list', { issues: [] }],
    ['issues that are no list', { issues: 'wrong' }],
  ])('report a schema that refuses a value with %s', async (_name, result) => {
    let isCalled = false;
    const read = endpoint({ q: Query(returning(result)) }, () => {
      isCalled = true;
    });
    const { status, text } = await run(app => app.at('/', read), { path: '/?q=a' });
    expect([status, text, isCalled]).toEqual([500, '{"code":"PARAM_SCHEMA"}', false]);
  });
});
