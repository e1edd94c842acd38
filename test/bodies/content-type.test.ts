import bodyParser from '@koa/bodyparser';
import { endpoint, HTTPException, Layer, type LayerOptions, Request } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express from 'express';
import Koa from 'koa';
import { ask } from '../support/ask.js';
import { frameworks, listening } from '../support/frameworks.js';

const refusedOf = (type: string): string =>
  `{"detail":"The body has the content type ${JSON.stringify(JSON.stringify(type)).slice(1, -1)}. ` +
  'Send JSON as \\"application/json\\"."}';
const refusedUntyped = '{"detail":"The body has no content type. Send JSON as \\"application/json\\"."}';

const readJSON = endpoint({}, ({ request }) => request.json());
const accepted = { status: 200, text: '{"a":1}' };

describe.each(frameworks)('request.json() on $name', ({ app }) => {
  async function post(
    type: string | undefined,
    { options = {}, reader = readJSON }: { options?: LayerOptions; reader?: typeof readJSON } = {},
  ): Promise<{ status: number; text: string }> {
    const listener = app().use(new Layer(options)).at('/', reader).listener();
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const { status, text } = await listening(listener, (_url, port) =>
      ask(port, { method: 'POST', headers, body: '{"a":1}' }),
    );
    return { status, text };
  }

  it.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/json;charset="utf-8"; x=text/plain',
    'application/problem+json',
    'application/vnd.api+json; ext="a"',
  ])('reads %s', async type => {
    expect(await post(type)).toEqual(accepted);
  });

  it.each([
    ['text/plain', 'text/plain'],
    ['text/plain; charset=application/json', 'text/plain'],
    ['text/json', 'text/json'],
    ['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=application/json', 'multipart/form-data'],
    ['application/jsonp', 'application/jsonp'],
    ['application/json+xml', 'application/json+xml'],
    ['application/xjson', 'application/xjson'],
    ['text/plain, application/json', 'text/plain, application/json'],
    ['application/json, text/plain', 'application/json, text/plain'],
    ['json', 'json'],
  ])('rejects %s with a 415', async (type, named) => {
    expect(await post(type)).toEqual({ status: 415, text: refusedOf(named) });
  });

  it.each([[undefined], [''], [';charset=utf-8']])('rejects a body whose content type is %p', async type => {
    expect(await post(type)).toEqual({ status: 415, text: refusedUntyped });
  });

  it('reads every content type below a layer that is not strict; the innermost layer applies', async () => {
    const options = { strictContentType: false };
    for (const type of ['text/plain', undefined]) expect(await post(type, { options })).toEqual(accepted);
    const nested = app()
      .use(new Layer({ strictContentType: false }))
      .use(new Layer())
      .use(new Layer({ strictContentType: true }))
      .at('/', readJSON);
    const got = await listening(nested.listener(), (_url, port) => ask(port, { method: 'POST', body: '1' }));
    expect([got.status, got.text]).toEqual([415, refusedUntyped]);
  });

  it('still rejects invalid JSON with a 400 when it reads every content type', async () => {
    const listener = app()
      .use(new Layer({ strictContentType: false }))
      .at('/', readJSON)
      .listener();
    const got = await listening(listener, (_url, port) => ask(port, { method: 'POST', body: '{' }));
    expect([got.status, got.text]).toEqual([400, expect.stringContaining('There was an error parsing')]);
  });

  it('is as strict on a clone and leaves the body to other readers', async () => {
    let refused: unknown;
    const reader = endpoint({}, async ({ request }) => {
      refused = await request
        .clone()
        .json()
        .catch((error: unknown) => error);
      return [await request.text(), await request.native.json()];
    });
    expect(await post('text/plain', { reader })).toEqual({ status: 200, text: '["{\\"a\\":1}",{"a":1}]' });
    expect(refused).toBeInstanceOf(HTTPException);
    expect((refused as HTTPException).cause).toMatchObject({ code: 'CONTENT_TYPE' });
  });

  it('uses the content type that a middleware has set', async () => {
    const typed = (type: string): LayerOptions => ({
      middleware: [
        (request, callNext) => callNext(new Request(request, { headers: { 'content-type': type } })),
      ],
    });
    expect(await post('text/plain', { options: typed('application/json') })).toEqual(accepted);
    expect(await post('application/json', { options: typed('text/plain') })).toEqual({
      status: 415,
      text: refusedOf('text/plain'),
    });
  });

  it('uses the headers of a body that a middleware has replaced', async () => {
    const options: LayerOptions = {
      middleware: [(request, callNext) => callNext(new Request(request, { body: '{"a":1}' }))],
    };
    expect(await post('application/json', { options })).toEqual(accepted);
    expect((await post('application/octet-stream', { options })).status).toBe(415);
  });
});

describe('request.json() behind a parser that reads every content type', () => {
  const layer = (): Layer => new Layer({ onError: () => undefined });

  it.each([
    [
      'express.json()',
      () =>
        express()
          .use(express.json({ type: () => true }))
          .use(toExpress(layer()))
          .post('/', toExpress(readJSON)),
    ],
    [
      '@koa/bodyparser',
      () => {
        const app = new Koa();
        app.silent = true;
        app.use(bodyParser({ detectJSON: () => true }) as Koa.Middleware);
        app.use(toKoa(layer()));
        app.use(toKoa(readJSON));
        return app.callback();
      },
    ],
  ])('%s, is still strict', async (_name, listener) => {
    const asked = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"a":1}' };
    const got = await listening(listener() as never, (_url, port) => ask(port, asked));
    expect([got.status, got.text]).toEqual([415, refusedOf('text/plain')]);
  });
});

describe('strictContentType', () => {
  it('appears in describe()', () => {
    expect(new Layer().describe().strictContentType).toBe(true);
    const relaxed = new Layer({ strictContentType: false }).describe();
    expect([relaxed.strictContentType, String(relaxed)]).toEqual([
      false,
      '(routes)\nstrictContentType: false',
    ]);
  });

  it.each(['false', 0, null, {}])('is rejected as %p', value => {
    expect(() => new Layer({ strictContentType: value as never })).toThrow(
      expect.objectContaining({ code: 'LAYER_OPTIONS' }) as Error,
    );
  });
});
