// Tests that, while the head is held, calls that Node would refuse are refused at the caller, and the others
// are repeated later.
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
      'nothing of a strict length after an empty write',
      (res, log) => {
        res.strictContentLength = true;
        res.setHeader('content-length', 4);
        attempt(log, () => res.write(''));
        attempt(log, () => res.write('abc'));
        attempt(log, () => res.end('d'));
      },
      ['accepted', 'accepted', 'accepted'],
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

  const sentAsNatively: [what: string, handle: (res: http.ServerResponse) => void][] = [
    [
      'a download whose length was set before its disposition',
      res => {
        res.setHeader('Content-Length', 3);
        res.setHeader('Content-Disposition', 'attachment; filename="é.csv"');
        res.writeHead(200, { 'Content-Type': 'text/csv' });
        res.end('a,b');
      },
    ],
    [
      'a list of dispositions as an argument',
      res => {
        res.setHeader('Content-Length', 1);
        res.writeHead(200, { 'Content-Disposition': ['inline', 'attachment'] });
        res.end('x');
      },
    ],
    [
      'names in two cases in a list, with a strict length',
      res => {
        res.strictContentLength = true;
        res.writeHead(200, ['X-W', '1', 'x-w', '2', 'Content-Length', '2'] as never);
        res.end('ok');
      },
    ],
  ];

  it.each(sentAsNatively)('sends %s as natively', async (_what, handle) => {
    const answers = await Promise.all(
      [app(), app().use(passing())].map(each =>
        listening(each.native('/', (_req, res) => handle(res)).listener(), (_url, port) =>
          exchangeOnWire(port, '/'),
        ),
      ),
    );
    expect(answers[0]?.head).toContain('HTTP/1.1 200');
    expect(answers[1]).toEqual(answers[0]);
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
