import {
  BackgroundTask,
  Depends,
  endpoint,
  HTTPException,
  JSONResponse,
  Layer,
  type Middleware,
  PlainTextResponse,
} from 'callnext';
import createError from 'http-errors';
import { EventLog } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

/** The `HTTPException` of another copy of the package. */
let Foreign = HTTPException;
jest.isolateModules(() => {
  Foreign = require('callnext').HTTPException;
});

class AppError extends Error {}
class NotThere extends AppError {}
class Teapot extends HTTPException {
  constructor() {
    super(418, 'short and stout');
  }
}

const text =
  (body: string, status = 400) =>
  () =>
    new PlainTextResponse(body, { status });

describe.each(frameworks)('exceptions on $name', ({ app }) => {
  async function ask(
    layer: Layer,
    thrown: () => unknown,
  ): Promise<{ status: number; body: string; headers: Headers }> {
    const failing = endpoint({}, () => {
      throw thrown();
    });
    return listening(app().use(layer).at('/', failing).listener(), async url => {
      const response = await fetch(url);
      const body = await response.text();
      await layer.close();
      return { status: response.status, body, headers: response.headers };
    });
  }
  const silent = (options = {}): Layer => new Layer({ onError: () => undefined, ...options });

  it.each<[string, () => unknown, number, string]>([
    ['the class itself', () => new NotThere(), 404, 'not there'],
    ['the nearest ancestor', () => new AppError(), 400, 'app'],
    ['its status before its class', () => new Teapot(), 418, 'by status'],
    ['HTTPException for one of another status', () => new HTTPException(409), 409, 'any'],
    ['HTTPException for one of another copy of the package', () => new Foreign(410), 409, 'any'],
    ['the status of one of another copy', () => new Foreign(418), 418, 'by status'],
    ['the class of an error of http-errors', () => createError(413), 413, 'of http-errors'],
    ['DOMException for an aborted fetch', () => AbortSignal.abort().reason, 499, 'aborted'],
    ['a status of success', () => new HTTPException(204), 200, 'nothing to see'],
  ])('finds a handler by %s', async (_title, thrown, status, body) => {
    const layer = silent({
      exceptionHandlers: [
        [AppError, text('app')],
        [NotThere, text('not there', 404)],
        [418, text('by status', 418)],
        [204, text('nothing to see', 200)],
        [HTTPException, text('any', 409)],
        [createError.HttpError, text('of http-errors', 413)],
        [DOMException, text('aborted', 499)],
      ],
    });
    expect(await ask(layer, thrown)).toMatchObject({ status, body });
  });

  it('gives HTTPException(500) to the HTTPException handler, not the 500 one, as FastAPI does', async () => {
    const layer = silent({
      exceptionHandlers: [
        [500, text('catch-all', 500)],
        [HTTPException, text('http', 500)],
      ],
    });
    expect((await ask(layer, () => new HTTPException(500))).body).toBe('http');
  });

  it.each<[string, () => unknown, number, object]>([
    [
      'an HTTPException with any JSON as its detail',
      () => new HTTPException(422, [{ loc: ['q'] }]),
      422,
      { detail: [{ loc: ['q'] }] },
    ],
    ['one without a detail', () => new HTTPException(404), 404, { detail: 'Not Found' }],
    ['one of another copy of the package', () => new Foreign(403, 'keep out'), 403, { detail: 'keep out' }],
  ])('renders %s', async (_title, thrown, status, body) => {
    const answer = await ask(silent(), thrown);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([status, body]);
  });

  it.each<[string, () => unknown]>([
    ['a string', () => 'text'],
    ['undefined', () => undefined],
    ['null', () => null],
    ['a frozen error', () => Object.freeze(new Error('frozen'))],
    ['an error whose cause is a circle', () => circular()],
    ['an AbortError', () => AbortSignal.abort().reason],
    ['an AggregateError', () => new AggregateError([new Error('a')])],
  ])('answers %s with a 500 and gives it to the handler for Error', async (_title, thrown) => {
    expect((await ask(silent(), thrown)).status).toBe(500);
    const seen: Error[] = [];
    const layer = silent({
      exceptionHandlers: [
        [
          Error,
          (_request: unknown, error: Error) => {
            seen.push(error);
            return new PlainTextResponse('sorry', { status: 500 });
          },
        ],
      ],
    });
    expect(await ask(layer, thrown)).toMatchObject({ status: 500, body: 'sorry' });
    expect(seen).toMatchObject([{ message: expect.any(String), stack: expect.any(String) }]);
  });

  it('accepts the HTTPException of another copy of the package as its own class', async () => {
    const layer = silent({ exceptionHandlers: [[Foreign, text('any', 409)]] });
    expect(Foreign).not.toBe(HTTPException);
    expect(await ask(layer, () => new HTTPException(404))).toMatchObject({ status: 409, body: 'any' });
  });

  it('runs an async handler and the tasks of its response', async () => {
    const log = new EventLog();
    const layer = silent().addExceptionHandler(AppError, async (_request, error) => {
      await new Promise(setImmediate);
      return new JSONResponse(
        { error: error.message },
        {
          status: 400,
          background: new BackgroundTask(() => log.add('task')),
        },
      );
    });
    expect(await ask(layer, () => new AppError('bad'))).toMatchObject({
      status: 400,
      body: '{"error":"bad"}',
    });
    expect(log.events).toEqual(['task']);
  });

  it("reports a failure that the handler's exception does not carry", async () => {
    const told: string[] = [];
    const layer = new Layer({ onError: error => told.push(error.message) });
    layer.addExceptionHandler(AppError, () => {
      throw new Error('handler', { cause: new Error('its own') });
    });
    expect((await ask(layer, () => new AppError('first'))).status).toBe(500);
    expect(told).toEqual(['first']);
  });

  it('does not accumulate causes on an error object that many requests throw', async () => {
    const conflict = new HTTPException(409);
    const told: string[] = [];
    const layer = new Layer({ onError: error => told.push(error.message) });
    async function* converts({ request }: { request: { url: string } }) {
      try {
        yield 1;
      } catch {
        throw conflict;
      }
      void request;
    }
    const failing = endpoint({ one: Depends(converts) }, ({ request }) => {
      throw new Error(new URL(request.url).pathname);
    });
    await listening(app().use(layer).at('/', failing).listener(), async url => {
      for (const path of ['/1', '/2', '/3']) expect((await fetch(url + path)).status).toBe(409);
    });
    expect(conflict.cause).toBeUndefined();
    expect(told).toEqual(['/2', '/3']);
  });

  const cors: Middleware = async (request, callNext) => {
    request.errorHeaders.set('access-control-allow-origin', '*');
    request.errorHeaders.set('vary', 'Origin');
    const response = await callNext(request);
    response.headers.set('access-control-allow-origin', '*');
    return response;
  };

  describe('headers for errors', () => {
    it('appear on the page that the framework makes', async () => {
      const { status, headers } = await ask(silent({ middleware: [cors] }), () => new Error('boom'));
      expect([status, headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([
        500,
        '*',
        'Origin',
      ]);
    });

    it('appear on the response of a handler for Error, whose own values win', async () => {
      const layer = silent({ middleware: [cors] }).addExceptionHandler(Error, () => {
        const headers = { 'access-control-allow-origin': 'https://own.test', vary: 'Accept' };
        return new PlainTextResponse('sorry', { status: 500, headers });
      });
      const { headers } = await ask(layer, () => new Error('boom'));
      expect(headers.get('access-control-allow-origin')).toBe('https://own.test');
      expect(headers.get('vary')).toBe('Accept, Origin');
    });

    it('appear on the response an outer middleware makes of the exception', async () => {
      const converting: Middleware = async (request, callNext) => {
        try {
          return await callNext(request);
        } catch {
          throw new HTTPException(502);
        }
      };
      const { status, headers } = await ask(
        silent({ middleware: [converting, cors] }),
        () => new Error('boom'),
      );
      expect([status, headers.get('access-control-allow-origin')]).toEqual([502, '*']);
    });

    it('appear on the page for an error of native code', async () => {
      const layer = silent({ middleware: [cors] });
      const native = app()
        .use(layer)
        .handler('/', () => {
          throw Object.assign(new Error('native'), { status: 503, headers: { 'retry-after': '1' } });
        });
      await listening(native.listener(), async url => {
        const { status, headers } = await fetch(url);
        expect([status, headers.get('access-control-allow-origin')]).toEqual([503, '*']);
        expect(headers.get('retry-after')).toBe('1');
      });
    });

    it('do not appear on a normal response, nor on that of another request', async () => {
      const layer = silent({ middleware: [cors] });
      const sometimes = endpoint({}, ({ request }) => {
        if (request.url.endsWith('/fail')) throw new Error('boom');
        return 'fine';
      });
      await listening(app().use(layer).at('/', sometimes).listener(), async url => {
        expect((await fetch(`${url}/fail`)).headers.get('vary')).toBe('Origin');
        expect((await fetch(url)).headers.get('vary')).toBeNull();
      });
    });

    it('are shared by a changed request', async () => {
      const changing: Middleware = (request, callNext) => callNext(request.clone());
      const { headers } = await ask(silent({ middleware: [changing, cors] }), () => new Error('boom'));
      expect(headers.get('access-control-allow-origin')).toBe('*');
    });
  });

  it("leaves an error of native code to the framework's page, as without a layer", async () => {
    const native = app()
      .use(silent())
      .handler('/', () => {
        throw createError(418, 'short and stout');
      });
    await listening(native.listener(), async url => {
      const response = await fetch(url);
      expect(response.status).toBe(418);
      expect(await response.text()).toContain('short and stout');
    });
  });
});

function circular(): Error {
  const first = new Error('first');
  first.cause = new Error('second', { cause: first });
  return first;
}
