import type http2 from 'node:http2';
import {
  Depends,
  type Endpoint,
  endpoint,
  Layer,
  type Middleware,
  type Request,
  StreamingResponse,
} from 'callnext';
import { toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import Koa3 from 'koa';
import { EventLog } from '../support/events.js';
import { type Http2Listener, listeningHttp2, transports } from '../support/http2.js';

const Koa2 = require('koa2') as typeof Koa3;
const large = Buffer.alloc(100_000, 'x');

/** Mounts an endpoint below a layer. */
type Mount = (layer: Layer, target: Endpoint) => Http2Listener;

function koa(Koa: typeof Koa3): Mount {
  return (layer, target) => {
    const app = new Koa();
    app.silent = true;
    app.use(toKoa(layer) as never);
    app.use(toKoa(target) as never);
    return app.callback() as never;
  };
}

const mounts: readonly { readonly name: string; readonly mount: Mount }[] = [
  { name: 'node:http2', mount: (layer, target) => toNode(layer, toNode(target)) as never },
  { name: 'Koa 3', mount: koa(Koa3) },
  { name: 'Koa 2', mount: koa(Koa2) },
];

interface Scenario {
  readonly title: string;
  readonly method?: string;
  readonly body?: Buffer;
  /** Calls `reached` at the point that the title names. */
  readonly target: (reached: () => void) => Endpoint;
}

const scenarios: readonly Scenario[] = [
  { title: 'an endpoint is at work', target: waiting },
  { title: 'an endpoint is at work on HEAD', target: waiting, method: 'HEAD' },
  { title: 'a body is coming that nobody reads', target: waiting, method: 'POST', body: large },
  { title: 'a body is coming of which a part was read', target: peeking, method: 'POST', body: large },
  { title: 'a body is coming on HEAD', target: peeking, method: 'HEAD', body: large },
  { title: 'an answer waits for room on the wire', target: answering },
  {
    title: 'an answer waits for room, and a body that was read in part',
    target: answering,
    method: 'POST',
    body: large,
  },
  { title: 'a stream waits for room on the wire', target: streaming },
];

function waiting(reached: () => void): Endpoint {
  return endpoint({}, ({ request }) => {
    reached();
    return aborted(request.signal);
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve));
}

/** Reads the first chunk of the body natively, from a stream that keeps filling up. */
function peekAt({ raw }: Request, reached: () => void): void {
  const { req } = raw as { req: http2.Http2ServerRequest };
  req.once('data', () => {
    req.pause();
    const look = (): void => void (req.stream.readableLength > 0 ? reached() : setImmediate(look));
    look();
  });
}

function peeking(reached: () => void): Endpoint {
  return endpoint({}, async ({ request }) => {
    peekAt(request, reached);
    await aborted(request.signal);
  });
}

function answering(reached: () => void): Endpoint {
  return endpoint({}, ({ request }) => {
    if (request.method === 'GET') setImmediate(reached);
    else peekAt(request, reached);
    return large;
  });
}

function streaming(reached: () => void): Endpoint {
  async function* endless(): AsyncGenerator<Uint8Array> {
    setImmediate(() => setImmediate(reached));
    for (;;) yield large;
  }
  return endpoint({}, () => new StreamingResponse(endless()));
}

const resets: readonly (readonly [string, (stream: http2.ClientHttp2Stream) => void])[] = [
  ['RST_STREAM(NO_ERROR)', stream => stream.close()],
  ['RST_STREAM(CANCEL)', stream => stream.close(8)],
  ['the end of the session', stream => stream.session?.destroy()],
];

describe.each(transports)('a reset over %s', transport => {
  describe.each(mounts)('on $name', ({ mount }) => {
    it.each(scenarios)('ends the exchange while $title', async ({ target, method = 'GET', body }) => {
      for (const [how, reset] of resets) {
        const log = new EventLog();
        async function* getDb(): AsyncGenerator<string> {
          yield 'db';
          log.add('left');
        }
        const watching: Middleware = (request, callNext) => {
          request.signal.addEventListener('abort', () => log.add('aborted'));
          return callNext(request);
        };
        const layer = new Layer({ middleware: [watching], dependencies: [Depends(getDb)] });
        const listener = mount(
          layer,
          target(() => log.add('reached')),
        );
        await listeningHttp2(transport, listener, async connect => {
          const stream = connect().request({ ':method': method }, { endStream: body === undefined });
          stream.on('error', () => undefined).pause();
          if (body) stream.write(body);
          await log.until('reached');
          reset(stream);
          await log.until('left');
          await layer.close();
        });
        expect([how, ...log.events]).toEqual([how, 'reached', 'aborted', 'left']);
      }
    });
  });
});

/** A pool of ten connections. */
class Pool {
  free = 10;
  taken = 0;
  #waiting: (() => void)[] = [];

  async take(): Promise<void> {
    this.taken += 1;
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
  }

  giveBack(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}

it.each(mounts)(
  'a thousand requests of leaving clients leave a pool of ten full, on $name',
  async ({ mount }) => {
    const pool = new Pool();
    async function* getConnection(): AsyncGenerator<number> {
      await pool.take();
      yield pool.free;
      pool.giveBack();
    }
    const small = endpoint({}, () => 'small');
    const targets = [small, ...[answering, waiting, streaming].map(each => each(() => undefined))];
    const target = endpoint({}, given => {
      const index = Number(new URL(given.request.url).pathname.slice(1));
      return targets[index % targets.length]?.handler(given as never);
    });
    const layer = new Layer({ dependencies: [Depends(getConnection)] });
    const mounted = mount(layer, target);
    const log = new EventLog();
    let seen = 0;
    const listener: Http2Listener = (req, res) => {
      mounted(req, res);
      seen += 1;
      log.add(`${seen}`);
    };
    await listeningHttp2('h2c', listener, async connect => {
      for (let count = 1; count <= 50; count += 1) {
        const session = connect();
        const streams = Array.from({ length: 20 }, (_, index) => session.request({ ':path': `/${index}` }));
        for (const stream of streams) stream.on('error', () => undefined).pause();
        await log.until(`${count * 20}`);
        if (count % 2 === 0) session.destroy();
        else for (const stream of streams) stream.close();
      }
      await layer.close();
    });
    expect([pool.taken, pool.free]).toEqual([1000, 10]);
  },
  30_000,
);

it('sends what native code wrote before it closes the stream, after the head', async () => {
  const listener = toNode((request, callNext) => callNext(request), ((
    _req: unknown,
    res: http2.Http2ServerResponse,
  ) => {
    res.write('x', () => {
      res.end(large);
      res.stream.close();
    });
  }) as never);
  await listeningHttp2('h2c', listener as never, async connect => {
    const stream = connect().request({});
    let size = 0;
    for await (const chunk of stream) size += chunk.length;
    expect([size, stream.rstCode]).toEqual([1 + large.length, 0]);
  });
});
