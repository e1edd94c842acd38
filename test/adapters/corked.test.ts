// Tests that corked writes of native code are complete, whatever the middleware does with them, and that
// nothing remains on the connection.
import http from 'node:http';
import { gunzipSync } from 'node:zlib';
import { Layer, type Middleware, Response } from 'callnext';
import { gzip } from 'callnext/middleware/gzip';
import { EventLog } from '../support/events.js';
import { type Framework, frameworks, listening } from '../support/frameworks.js';
import { record } from '../support/wire.js';

type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => unknown;

/** Sends two requests on one connection: excess bytes of the first answer would corrupt the second. */
async function askTwice(listener: http.RequestListener): Promise<string> {
  const both: http.RequestListener = (req, res) =>
    req.url === '/second' ? void res.end('second') : listener(req, res);
  const requests =
    'GET / HTTP/1.1\r\nHost: test\r\nAccept-Encoding: gzip\r\n\r\n' +
    'GET /second HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n';
  const { bytes } = await listening(both, (_url, port) => record(port, requests));
  return bytes.replace(/\r\n(Date|Keep-Alive|X-Powered-By): [^\r]*/g, '');
}

const second = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecond';

/** The body of the first answer, joined from its chunks. */
function firstBody(bytes: string): string {
  const end = bytes.lastIndexOf(second);
  const [head = '', ...rest] = bytes.slice(0, end).split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  if (!/transfer-encoding: chunked/i.test(head)) return body;
  let [whole, at] = ['', 0];
  for (;;) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, line), 16);
    whole += body.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
    if (size === 0) return at === body.length ? whole : `${whole}, and ${JSON.stringify(body.slice(at))}`;
    if (Number.isNaN(size)) return `${whole}, and then ${JSON.stringify(body.slice(at))}`;
  }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

const corked: [what: string, handle: Listener][] = [
  [
    'corked at once',
    (_req, res) => {
      res.cork();
      res.write('one,');
      res.write('two,');
      res.uncork();
      res.end('three');
    },
  ],
  [
    'corked after a write',
    (_req, res) => {
      res.write('one,');
      res.cork();
      res.write('two,');
      res.uncork();
      res.end('three');
    },
  ],
  [
    'corked twice over',
    (_req, res) => {
      res.cork();
      res.cork();
      res.write('one,');
      res.uncork();
      res.write('two,');
      res.uncork();
      res.end('three');
    },
  ],
  [
    'uncorked a tick later',
    (_req, res) => {
      res.cork();
      res.write('one,');
      res.write('two,');
      process.nextTick(() => {
        res.uncork();
        res.end('three');
      });
    },
  ],
  [
    'uncorked turns later',
    async (_req, res) => {
      res.cork();
      res.write('one,');
      await turn();
      res.write('two,');
      await turn();
      res.uncork();
      await turn();
      res.end('three');
    },
  ],
  [
    'corked before its head',
    async (_req, res) => {
      res.cork();
      await turn();
      res.writeHead(200, { 'x-a': '1' });
      res.write('one,');
      res.write('two,');
      res.uncork();
      res.end('three');
    },
  ],
];

const silent = (middleware: Middleware): Layer =>
  new Layer({ middleware: [middleware], onError: () => undefined });

describe.each(frameworks)('on $name, a body', ({ app }: Framework) => {
  const around = (middleware: Middleware, handle: Listener): http.RequestListener =>
    app().use(silent(middleware)).native('/', handle).listener();

  it.each(corked)('that is %s is sent as without a layer', async (_what, handle) => {
    const native = await askTwice(app().native('/', handle).listener());
    const reading: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      await response.text();
      return response;
    };
    const passing: Middleware = (request, callNext) => callNext(request);
    expect(firstBody(native)).toBe('one,two,three');
    expect(await askTwice(around(passing, handle))).toBe(native);
    expect(await askTwice(around(reading, handle))).toBe(native);
  });

  it.each(corked)('that is %s is complete for a middleware that transforms it', async (_what, handle) => {
    const text: Middleware = async (request, callNext) =>
      new Response(await (await callNext(request)).text());
    const stream: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return new Response(response.body, response);
    };
    expect(firstBody(await askTwice(around(text, handle)))).toBe('one,two,three');
    expect(firstBody(await askTwice(around(stream, handle)))).toBe('one,two,three');
    const zipped = firstBody(await askTwice(around(gzip({ minimumSize: 0 }), handle)));
    expect(gunzipSync(Buffer.from(zipped, 'latin1')).toString()).toBe('one,two,three');
  });

  it("continues with what is written on 'drain' after all of it was sent", async () => {
    const log = new EventLog();
    const waiting: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      await log.until('second');
      return response;
    };
    const handle: Listener = (_req, res) => {
      res.once('drain', () => res.end('third'));
      res.write('x'.repeat(res.writableHighWaterMark));
      setImmediate(() => {
        res.write('second');
        log.add('second');
      });
    };
    expect(firstBody(await askTwice(around(waiting, handle)))).toMatch(/^x+secondthird$/);
  });

  it.each<[string, (res: http.ServerResponse) => void]>([
    [
      'corks and writes',
      res => {
        res.cork();
        res.write('dropped');
      },
    ],
    [
      'has ended, corked',
      res => {
        res.cork();
        res.end('dropped');
      },
    ],
    [
      'corks again when it is replaced',
      res => {
        res.write('dropped');
        setImmediate(() => res.cork());
      },
    ],
  ])('that streams in place of one that %s arrives as it is made', async (_what, handle) => {
    const log = new EventLog();
    async function* list(): AsyncGenerator<string> {
      await turn();
      await turn();
      yield 'first,';
      await log.until('first');
      yield 'last';
    }
    const replacing: Middleware = async (request, callNext) => {
      await callNext(request);
      return new Response(list());
    };
    const listener = around(replacing, (_req, res) => handle(res));
    expect(await streamed(listener, log)).toBe('first,last');
  });

  it('that streams below a middleware that corks for a tick arrives as it is made', async () => {
    const log = new EventLog();
    async function* list(): AsyncGenerator<string> {
      yield 'first,';
      await log.until('first');
      yield 'last';
    }
    const replacing: Middleware = async (request, callNext) => {
      await callNext(request);
      return new Response(list());
    };
    for (const handle of [
      (_req: unknown, res: http.ServerResponse) => void res.end('dropped'),
      (_req: unknown, res: http.ServerResponse) => void res.write('dropped'),
    ]) {
      const inner = around(replacing, handle);
      const listener: http.RequestListener = (req, res) => {
        res.cork();
        process.nextTick(() => res.uncork());
        inner(req, res);
      };
      expect(await streamed(listener, log)).toBe('first,last');
    }
  });
});

/** Logs the arrival of the first chunk, and resolves with the whole body. */
function streamed(listener: http.RequestListener, log: EventLog): Promise<string> {
  return listening(
    listener,
    url =>
      new Promise((resolve, reject) => {
        http.get(url, { agent: false }, response => {
          let whole = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            whole += part;
            log.add('first');
          });
          response.on('end', () => resolve(whole)).on('error', reject);
        });
      }),
  );
}
