import {
  type EndpointOptions,
  EventSourceResponse,
  endpoint,
  FileResponse,
  HTMLResponse,
  HTTPException,
  JSONResponse,
  Layer,
  PlainTextResponse,
  RedirectResponse,
  Response,
} from 'callnext';
import { ask } from '../support/ask.js';
import { frameworks, listening } from '../support/frameworks.js';

describe.each(frameworks)('responseClass, on $name,', ({ app }) => {
  const asked = (returned: unknown, options: EndpointOptions) =>
    listening(
      app()
        .use(new Layer({ onError: () => undefined }))
        .at(
          '/',
          endpoint(
            {},
            ({ response }) => {
              response.headers.set('x-set', '1');
              return returned;
            },
            options,
          ),
        )
        .listener(),
      (_url, port) => ask(port),
    );

  it.each<[string, EndpointOptions['responseClass'], unknown, number, string, string]>([
    ['HTMLResponse', HTMLResponse, '<p>', 200, 'text/html; charset=utf-8', '<p>'],
    ['PlainTextResponse', PlainTextResponse, 'text', 200, 'text/plain; charset=utf-8', 'text'],
    ['JSONResponse', JSONResponse, { a: 1 }, 200, 'application/json', '{"a":1}'],
    ['FileResponse', FileResponse, 'test/fixtures/small.txt', 200, 'text/plain; charset=utf-8', ''],
    ['EventSourceResponse', EventSourceResponse, [1], 200, 'text/event-stream; charset=utf-8', 'data: 1\n\n'],
    [
      'a response that is returned',
      HTMLResponse,
      new Response('own'),
      200,
      'text/plain;charset=UTF-8',
      'own',
    ],
  ])(
    'turns the returned value into a response: %s',
    async (name, responseClass, returned, status, type, text) => {
      const got = await asked(returned, responseClass ? { responseClass } : {});
      const { status: gotStatus, headers } = got;
      expect([gotStatus, headers['content-type'], headers['x-set']]).toEqual([status, type, '1']);
      if (name !== 'FileResponse') expect(got.text).toBe(text);
    },
  );

  it('keeps the status of the class unless one is set', async () => {
    const got = await asked('/other', { responseClass: RedirectResponse });
    expect([got.status, got.headers.location]).toEqual([307, '/other']);
    expect((await asked('/other', { responseClass: RedirectResponse, status: 302 })).status).toBe(302);
  });

  it('rejects and closes a generator if the class does not stream', async () => {
    const told: unknown[] = [];
    let isClosed = false;
    const layer = new Layer({
      middleware: [
        (request, callNext) =>
          callNext(request).catch(error => {
            told.push(error.code);
            throw new HTTPException(500);
          }),
      ],
    });
    const target = endpoint(
      {},
      function* () {
        try {
          yield 1;
        } finally {
          isClosed = true;
        }
      },
      { responseClass: JSONResponse },
    );
    await listening(app().use(layer).at('/', target).listener(), async (_url, port) => {
      expect((await ask(port)).status).toBe(500);
    });
    expect([told, isClosed]).toEqual([['RESPONSE_CLASS_WHOLE'], true]);
  });
});

it.each([[{}], ['HTMLResponse'], [() => new HTMLResponse()], [Map], [globalThis.Response]])(
  'a responseClass of %p is rejected when the endpoint is built',
  responseClass => {
    expect(() => endpoint({}, () => 1, { responseClass } as never)).toThrow(
      expect.objectContaining({ code: 'RESPONSE_CLASS' }),
    );
  },
);
