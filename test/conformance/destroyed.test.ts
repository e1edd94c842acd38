// Native code that destroys its own response has ended; code whose client has left may continue.
import { once } from 'node:events';
import http from 'node:http';
import type http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { Depends, Layer, type Middleware } from 'callnext';
import { toNode } from 'callnext/node';
import { EventLog, gate } from '../support/events.js';
import { type Framework, frameworks, listening, mounts } from '../support/frameworks.js';
import { type Http2Listener, listeningHttp2 } from '../support/http2.js';
import { skippingTime } from '../support/patience.js';

let log: EventLog;
beforeEach(() => {
  log = new EventLog();
});

async function* getTx() {
  log.add('BEGIN');
  try {
    yield 'tx';
    log.add('COMMIT');
  } catch (error) {
    log.add(`ROLLBACK: ${(error as Error).message}`);
    throw error;
  } finally {
    log.add('released');
  }
}
const passing: Middleware = async (request, callNext) => {
  try {
    return await callNext(request);
  } catch (error) {
    log.add(`caught ${(error as Error).name}`);
    throw error;
  }
};
const get = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n';

/** Sends a raw request, and waits until the connection is closed. */
async function ask(port: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(get));
  socket.on('error', () => undefined).resume();
  await once(socket, 'close');
}

/** Callback-based native code that uses a guard's dependency, and then ends with `end`. */
function mounted({ app }: Framework, end: (res: http.ServerResponse) => void): http.RequestListener {
  const layer = new Layer({ middleware: [passing], onError: error => log.add(`reported: ${error.message}`) });
  const native = (_req: unknown, res: http.ServerResponse): void => {
    setImmediate(() => {
      log.add('works');
      end(res);
    });
  };
  return app().use(layer).at('/', Depends(getTx)).native('/', native).listener();
}

const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' });
const over = ['caught ClientDisconnect', 'COMMIT', 'released'];
const failed = ['caught ClientDisconnect', 'reported: no such file', 'ROLLBACK: no such file', 'released'];

describe.each(mounts)('native code on $name', framework => {
  it.each([
    ['its response', (res: http.ServerResponse) => res.destroy(), over],
    ['its response with an error of Node', (res: http.ServerResponse) => res.destroy(missing), failed],
    ['its connection', (res: http.ServerResponse) => res.socket?.destroy(), over],
    ['its request', (res: http.ServerResponse) => res.req.destroy(), over],
  ])('that destroys %s releases its dependencies at once', async (_what, destroy, events) => {
    await listening(mounted(framework, destroy), (_url, port) =>
      // The clock never reaches five seconds here.
      skippingTime(async () => {
        await ask(port);
        await log.until('released');
      }),
    );
    expect(log.events).toEqual(['BEGIN', 'works', ...events]);
  });
});

describe.each(frameworks)('native code on $name', framework => {
  it('keeps its dependencies when a closing server destroys its connection', async () => {
    const going = gate();
    const server = http.createServer(mounted(framework, () => going.open()));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const asked = ask((server.address() as AddressInfo).port);
    await going.opened;
    await skippingTime(async pass => {
      server.close();
      server.closeAllConnections();
      await asked;
      await pass(4_999);
      expect(log.events).toEqual(['BEGIN', 'works']);
      await pass(1);
      await log.until('released');
    });
    expect(log.events).toEqual(['BEGIN', 'works', ...over]);
  });
});

const leavings: [string, (stream: http2.ClientHttp2Stream) => void][] = [
  ['resets the stream', stream => stream.close(8)],
  ['resets the stream without an error', stream => stream.close(0)],
  ['destroys the session', stream => stream.session?.destroy()],
  ['destroys the session with an error', stream => stream.session?.destroy(new Error('mine'), 2)],
  ['goes away', stream => stream.session?.goaway(2)],
];

describe('native code over HTTP/2', () => {
  it.each(leavings)('keeps its dependencies when its client %s', async (_how, leave) => {
    const layer = new Layer({ middleware: [passing], dependencies: [Depends(getTx)] });
    const listener = toNode(layer, (_req, res) => {
      res.once('close', () => log.add('closed'));
      setImmediate(log.add, 'works');
    });
    await listeningHttp2('h2c', listener as never as Http2Listener, async connect => {
      const stream = connect().request();
      stream.on('error', () => undefined);
      await log.until('works');
      await skippingTime(async pass => {
        leave(stream);
        await log.until('closed');
        await pass(4_999);
        expect(log.events).toEqual(['BEGIN', 'works', 'closed']);
        await pass(1);
        await log.until('released');
      });
    });
    expect(log.events).toEqual(['BEGIN', 'works', 'closed', ...over]);
  });
});

it('a request that waits for its turn ends with a connection destroyed past its guard', async () => {
  const [arrived, aborted] = [gate(), gate()];
  let destroy = (): unknown => undefined;
  const noted: Middleware = async (request, callNext) => {
    if (request.path === '/waiting') request.signal.addEventListener('abort', () => aborted.open());
    return callNext(request);
  };
  const listener = toNode(new Layer({ middleware: [noted] }), (req, res) => {
    if (req.url === '/ended') res.end();
    if (req.url === '/waiting') arrived.open();
  }) as http.RequestListener;
  const server = http.createServer(listener).on('connection', socket => {
    const { destroy: kept } = socket;
    destroy = () => kept.call(socket);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined).resume();
  for (const path of ['/ended', '/open', '/waiting']) client.write(get.replace(' / ', ` ${path} `));
  await arrived.opened;
  destroy();
  await aborted.opened;
  server.close();
});
