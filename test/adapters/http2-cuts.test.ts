import { endpoint, Layer, type Middleware, StreamingResponse } from 'callnext';
import { toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import Koa3 from 'koa';
import { ask, type Http2Listener, listeningHttp2, transports } from '../support/http2.js';

const passing: Middleware = (request, callNext) => callNext(request);

async function* failing(): AsyncGenerator<string> {
  yield 'a part';
  await new Promise(resolve => setImmediate(resolve));
  throw new Error('failed');
}

const cuts: [string, Middleware, Http2Listener][] = [
  [
    'a body of ours that fails',
    async (request, callNext) => {
      await callNext(request);
      return new StreamingResponse(failing());
    },
    (_req, res) => res.end('native'),
  ],
  [
    'a body that is shorter than it says',
    async () => new StreamingResponse(['a part'], { headers: { 'content-length': '100' } }),
    () => undefined,
  ],
  [
    'native code that throws behind its head',
    passing,
    async (_req, res) => {
      await new Promise<void>(resolve => res.write('a part', () => resolve()));
      throw new Error('failed');
    },
  ],
];

describe.each(transports)('over %s', transport => {
  it.each(cuts)('%s is a reset with an error code', async (_how, middleware, listener) => {
    const layer = new Layer({ middleware: [middleware], onError: () => undefined });
    const seen = await listeningHttp2(transport, toNode(layer, listener as never) as never, ask);
    expect(seen).toMatchObject({ headers: { ':status': 200 }, body: 'a part', code: 2 });
  });

  it('an endpoint whose body fails is a reset with an error code on Koa, too', async () => {
    const app = new Koa3();
    app.silent = true;
    app.use(toKoa(new Layer({ middleware: [passing], onError: () => undefined })) as never);
    app.use(toKoa(endpoint({}, () => new StreamingResponse(failing()))) as never);
    const seen = await listeningHttp2(transport, app.callback() as never, ask);
    expect(seen).toMatchObject({ headers: { ':status': 200 }, body: 'a part', code: 2 });
  });
});
