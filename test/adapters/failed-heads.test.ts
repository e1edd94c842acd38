// Node changes the framing of a response before it refuses its head. The replacement, and the next answer on
// the connection, must not keep that framing.
import type http from 'node:http';
import { Readable } from 'node:stream';
import { endpoint, Layer, type Middleware, Response } from 'callnext';
import { toExpress } from 'callnext/express';
import { toNode } from 'callnext/node';
import express from 'express';
import { EventLog } from '../support/events.js';
import { frameworks, listening, type TestApp } from '../support/frameworks.js';
import { record } from '../support/wire.js';

type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => unknown;

const closing = 'HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n';

/** Sends two requests on one connection; the second one ends it. */
const askTwice = (listener: http.RequestListener): Promise<string> =>
  ask(listener, `GET /first HTTP/1.1\r\nHost: test\r\n\r\nGET /second ${closing}`);

async function ask(listener: http.RequestListener, requests: string): Promise<string> {
  const { bytes } = await listening(listener, (_url, port) => record(port, requests));
  return bytes.replace(/\r\n(Date|X-Powered-By): [^\r]*/gi, '').replace(/\r\nKeep-Alive: [^\r]*/g, '');
}

const second = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecond';
const withSecond = (app: TestApp): http.RequestListener =>
  app.native('/second', (_req, res) => res.end('second')).listener();
/** Runs after-code only for the first of two requests. */
const afterFirst = (after: (response: Response) => Response | Promise<Response>): Middleware => {
  return async (request, callNext) => {
    const response = await callNext(request);
    return new URL(request.url).pathname === '/first' ? after(response) : response;
  };
};
const layerOf = (middleware: Middleware, errors: unknown[] = []): Layer =>
  new Layer({ middleware: [middleware], onError: error => void errors.push(error) });
const setStatus = (status: number) => (response: Response) => Object.assign(response, { status });

/** Announces and sends trailers. */
const trailing: Listener = (_req, res) => {
  res.setHeader('Trailer', 'x-sum');
  res.setHeader('x-handler', '1');
  res.write('abc');
  res.addTrailers({ 'x-sum': '1' });
  res.end();
};

describe.each(frameworks)('on $name, a handler that has announced trailers', ({ app, isKoa }) => {
  it.each<[string, Parameters<typeof afterFirst>[0], string]>([
    ['a status of 204', setStatus(204), '204 No Content\r\nx-handler: 1\r\nConnection: keep-alive\r\n\r\n'],
    ['a status of 304', setStatus(304), '304 Not Modified\r\nx-handler: 1\r\nConnection: keep-alive\r\n\r\n'],
    [
      'a status of 205',
      setStatus(205),
      '205 Reset Content\r\nx-handler: 1\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
    ],
    [
      'the same text as a whole',
      async response => new Response(await response.text(), response),
      '200 OK\r\nx-handler: 1\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: 3\r\nConnection: keep-alive\r\n\r\nabc',
    ],
  ])('keeps the connection in step below %s', async (_title, after, expected) => {
    const errors: unknown[] = [];
    const listener = withSecond(
      app()
        .use(layerOf(afterFirst(after), errors))
        .native('/first', trailing),
    );
    expect(await askTwice(listener)).toBe(`HTTP/1.1 ${expected}${second}`);
    expect(errors).toEqual([]);
  });

  it("keeps the connection in step below a status of 204, with the framework's answers", async () => {
    const chunks = (): Readable => Readable.from(['abc'], { objectMode: false });
    const listener = withSecond(
      app()
        .use(layerOf(afterFirst(setStatus(204))))
        .handler('/first', answer => answer.set('Trailer', 'x-sum').send(chunks())),
    );
    expect(await askTwice(listener)).toBe(
      `HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n${second}`,
    );
  });

  it.each([
    ['HEAD', `HEAD /first ${closing}`, ''],
    ['HTTP/1.0', 'GET /first HTTP/1.0\r\n\r\n', 'abc'],
  ])('sends a stream of ours without trailers to %s', async (_title, request, body) => {
    const streaming = endpoint({}, () => new Response(list(['abc']), { headers: { trailer: 'x-sum' } }));
    const mounted = app()
      .use(layerOf(afterFirst(same)))
      .at('/first', streaming);
    const bytes = await ask(mounted.listener(), request);
    expect(bytes).toBe(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${body}`);
  });

  it('leaves the error page its body when its head is rejected', async () => {
    const native: Listener = (_req, res) => {
      res.setHeader('Trailer', 'x-sum');
      res.statusCode = 204;
      res.end();
    };
    const listener = withSecond(
      app()
        .use(layerOf(afterFirst(same)))
        .native('/first', native),
    );
    expect(answersOf(await askTwice(listener))).toEqual([
      [500, pageOf(isKoa)],
      [200, 'second'],
    ]);
  });
});

const same = (response: Response): Response => response;

async function* list(chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks;
}

const pageOf = (isKoa: boolean): unknown =>
  isKoa ? 'Internal Server Error' : expect.stringMatching(/^<!DOCTYPE html>[\s\S]*<\/html>\n$/);

/** Parses the answers on a connection by their framing, like a client. */
function answersOf(bytes: string): [status: number, body: string][] {
  if (bytes === '') return [];
  const end = bytes.indexOf('\r\n\r\n') + 4;
  const head = bytes.slice(0, end);
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  const rest = bytes.slice(end);
  if (length !== undefined) return [[status, rest.slice(0, +length)], ...answersOf(rest.slice(+length))];
  if (!/^transfer-encoding: chunked/im.test(head)) return [[status, rest]];
  const last = rest.indexOf('0\r\n\r\n') + 5;
  return [[status, rest.slice(0, last)], ...answersOf(rest.slice(last))];
}

/** A handler that ends a response whose head Node refuses because of its `trailer`. */
const refused = (set: (res: http.ServerResponse) => void): Listener => {
  return (_req, res) => {
    set(res);
    res.setHeader('trailer', 'x-sum');
    res.setHeader('content-length', '3');
    res.write('abc');
    res.end();
  };
};

describe.each(frameworks)('on $name, a head that Node refuses', ({ app, isKoa }) => {
  const around = (native: Listener): http.RequestListener =>
    withSecond(
      app()
        .use(layerOf(afterFirst(same)))
        .native('/first', native),
    );

  it('leaves the connection open when it would have closed it', async () => {
    const bytes = await askTwice(around(refused(res => res.setHeader('connection', 'close'))));
    expect(bytes.split('\r\n\r\n')[0]).toContain('Connection: keep-alive');
    expect(answersOf(bytes)).toEqual([
      [500, pageOf(isKoa)],
      [200, 'second'],
    ]);
  });

  it('leaves the connection to close when it would have kept it', async () => {
    const bytes = await ask(
      around(refused(res => res.setHeader('connection', 'keep-alive'))),
      `GET /first ${closing}`,
    );
    expect(bytes.split('\r\n\r\n')[0]).toContain('Connection: close');
    expect(answersOf(bytes)).toEqual([[500, pageOf(isKoa)]]);
  });

  it('leaves the error page its length when it would have been chunked', async () => {
    const native: Listener = (_req, res) => {
      res.setHeader('transfer-encoding', 'chunked');
      // Node counts the end, and rejects a number there.
      res.setHeader('content-disposition', 5);
      res.end('abc');
    };
    expect(answersOf(await askTwice(around(native)))).toEqual([
      [500, pageOf(isKoa)],
      [200, 'second'],
    ]);
  });

  it('calls the callback of its end when the error page was sent', async () => {
    const log = new EventLog();
    const native: Listener = (_req, res) => {
      res.setHeader('trailer', 'x-sum');
      res.setHeader('content-length', '3');
      res.end('abc', () => log.add('called'));
    };
    const bytes = await askTwice(around(native));
    await log.until('called');
    expect([answersOf(bytes).length, log.events]).toEqual([2, ['called']]);
  });

  it('gets a page that the still streaming handler cannot add to', async () => {
    const log = new EventLog();
    const native: Listener = async (_req, res) => {
      res.on('error', error => log.add(String(error)));
      res.once('finish', () => log.add('answered'));
      res.setHeader('trailer', 'x-sum');
      res.setHeader('content-length', '9');
      res.write('abc');
      await log.until('answered');
      res.write('def');
      res.end('ghi');
      log.add('ended');
    };
    const layer = new Layer({ onError: () => undefined });
    const listener = withSecond(app().use(layer).native('/first', native));
    expect(answersOf(await askTwice(listener))).toEqual([
      [500, pageOf(isKoa)],
      [200, 'second'],
    ]);
    await log.until('ended');
    expect(log.events).toEqual(['answered', 'ended']);
  });
});

describe('a rejected head', () => {
  const failed = (): Error => new Error('refused');

  it('does not lend its length to an Express error page in chunks', async () => {
    const app = express();
    app.use(toExpress(layerOf(afterFirst(same))));
    app.get('/first', (_req, res) => {
      res.setHeader('content-disposition', 5 as never);
      res.end('abc');
    });
    app.get('/second', (_req, res) => void res.end('second'));
    app.use(((_error, _req, res, _next) => {
      res.removeHeader('content-disposition');
      res.write('an error');
      res.end('!');
    }) as express.ErrorRequestHandler);
    expect(answersOf(await askTwice(app as http.RequestListener))).toEqual([
      [200, '8\r\nan error\r\n1\r\n!\r\n0\r\n\r\n'],
      [200, 'second'],
    ]);
  });

  it('does not lend its length to the error page of an endpoint without a layer', async () => {
    const answering = toNode(endpoint({}, () => 'abc')) as http.RequestListener;
    const logged = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const bytes = await askTwice((req, res) => {
      if (req.url === '/second') return void res.end('second');
      const { writeHead } = res;
      res.writeHead = ((...args: never[]) => {
        res.writeHead = writeHead;
        if (args.length > 0) throw failed();
      }) as never;
      answering(req, res);
    });
    logged.mockRestore();
    expect(answersOf(bytes)).toEqual([
      [500, 'Internal Server Error'],
      [200, 'second'],
    ]);
  });

  it('leaves the next head its body when native code catches the error', async () => {
    const native: Listener = (_req, res) => {
      try {
        res.writeHead(204, { 'bad name': '1' });
      } catch {
        res.writeHead(200, { 'content-length': '3' });
      }
      res.end('abc');
    };
    const listener = toNode(layerOf(afterFirst(same)), (req, res) =>
      req.url === '/first' ? native(req, res) : res.end('second'),
    ) as http.RequestListener;
    expect(answersOf(await askTwice(listener))).toEqual([
      [200, 'abc'],
      [200, 'second'],
    ]);
  });
});
