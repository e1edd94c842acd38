// What Node refuses is refused at the caller, and what was called is called again, while the head of a response is held.
import type http from 'node:http';
import { Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';
import { EventLog } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';
import { exchangeOnWire, unchunked } from '../support/wire.js';

type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => unknown;

const passing = (): Layer => new Layer({ middleware: [(request, callNext) => callNext(request)] });
const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? error);

function attempt(log: EventLog, call: () => unknown): void {
  try {
    call();
    log.add('accepted');
  } catch (error) {
    log.add(codeOf(error));
  }
}

describe.each(frameworks)('on $name, a held response', ({ app }) => {
  const refusals: [
    what: string,
    handle: (res: http.ServerResponse, log: EventLog) => void,
    seen: string[],
  ][] = [
    [
      'a write in an unknown encoding',
      (res, log) => {
        res.write('first');
        attempt(log, () => res.write('second', 'no-such-encoding' as never));
        res.end('last');
      },
      ['ERR_UNKNOWN_ENCODING'],
    ],
    [
      'an end in an unknown encoding',
      (res, log) => {
        res.write('first');
        attempt(log, () => res.end('second', 'no-such-encoding' as never));
        res.destroy();
      },
      ['ERR_UNKNOWN_ENCODING'],
    ],
    [
      'a write beyond a strict length',
      (res, log) => {
        res.strictContentLength = true;
        res.writeHead(200, { 'content-length': 3 });
        res.write('ab');
        attempt(log, () => res.write('cd'));
        res.end('c');
      },
      ['ERR_HTTP_CONTENT_LENGTH_MISMATCH'],
    ],
    [
      'an end before a strict length',
      (res, log) => {
        res.strictContentLength = true;
        res.setHeader('content-length', 3);
        res.write('ab');
        attempt(log, () => res.end());
        res.destroy();
      },
      ['ERR_HTTP_CONTENT_LENGTH_MISMATCH'],
    ],
    [
      'nothing of a strict length that is kept',
      (res, log) => {
        res.strictContentLength = true;
        res.setHeader('content-length', 3);
        attempt(log, () => res.write('ab'));
        attempt(log, () => res.end('c'));
      },
      ['accepted', 'accepted'],
    ],
  ];

  it.each(refusals)('rejects %s at the caller, as without a layer', async (_what, handle, seen) => {
    const native = new EventLog();
    const layered = new EventLog();
    const ask = (log: EventLog, layer?: Layer): Promise<unknown> => {
      const listener: Listener = (_req, res) => handle(res, log);
      const mounted = layer ? app().use(layer) : app();
      return listening(mounted.native('/', listener).listener(), (_url, port) => exchangeOnWire(port, '/'));
    };
    await ask(native);
    await ask(layered, passing());
    expect([native.events, layered.events]).toEqual([seen, seen]);
  });

  it('sends the headers that a method patched below the layer adds to its head', async () => {
    const listener: Listener = (_req, res) => {
      const { writeHead } = res;
      res.writeHead = ((status: number) => writeHead.call(res, status, { 'x-added': '1' } as never)) as never;
      for (const name of res.getHeaderNames()) res.removeHeader(name);
      res.end('x');
    };
    const heads = await Promise.all(
      [app(), app().use(passing())].map(each =>
        listening(each.native('/', listener).listener(), (_url, port) => exchangeOnWire(port, '/')),
      ),
    );
    expect(heads[0]?.head).toContain('x-added: 1');
    expect(heads[1]).toEqual(heads[0]);
  });
});

it('leaves a response alone whose head was sent before the layer was entered', async () => {
  const app = express();
  app.get('/first', toExpress(passing()), (_req, res) => void res.end('first'));
  app.use((_req, res, next) => {
    res.write('a');
    next();
  });
  app.use(toExpress(passing()));
  app.use((_req, res) => void res.end('b'));
  await listening(app as http.RequestListener, async (url, port) => {
    expect(await (await fetch(`${url}/first`)).text()).toBe('first');
    expect(unchunked((await exchangeOnWire(port, '/')).body)).toBe('ab');
  });
});
