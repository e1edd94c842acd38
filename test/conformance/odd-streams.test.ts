import http from 'node:http';
import { PassThrough } from 'node:stream';
import { Depends, endpoint, Layer, Response } from 'callnext';
import { ask } from '../support/ask.js';
import { listening, mounts } from '../support/frameworks.js';

const nothing = { responses: [], exits: [], tasks: [] };
/** Values other than an `Error` with which streams are destroyed. */
const reasons = ['a text', 7, true];

/** Sends a request, and resolves when the connection ends, whatever arrived. */
function tried(port: number): Promise<unknown> {
  return ask(port).catch(error => error);
}

describe.each(mounts)('on $name', ({ app, name }) => {
  let entered = 0;
  let exited = 0;
  async function* getDb() {
    entered += 1;
    try {
      yield 1;
    } finally {
      exited += 1;
    }
  }
  const newLayer = (options: ConstructorParameters<typeof Layer>[0] = {}): Layer =>
    new Layer({ dependencies: [Depends(getDb)], onError: () => undefined, ...options });
  beforeEach(() => {
    entered = 0;
    exited = 0;
  });

  it.each(reasons)(
    'a response destroyed with %p, before and after its first bytes, ends its exchange',
    async reason => {
      const layer = newLayer();
      const mounted = app()
        .use(layer)
        .native('/begun', (_req, res) => {
          res.write('begun');
          setImmediate(() => res.destroy(reason as never));
        })
        .native('/', (_req, res) => void res.destroy(reason as never));
      await listening(mounted.listener(), async (_url, port) => {
        await tried(port);
        await ask(port, { path: '/begun' }).catch(() => undefined);
        expect(await layer.close()).toEqual(nothing);
      });
      expect([entered, exited]).toEqual([2, 2]);
    },
  );

  // Koa 2 does not end the response of a failed body.
  const bodies = name === 'Koa 3' ? reasons : [];
  if (bodies.length > 0)
    it.each(bodies)('a body destroyed with %p ends its exchange', async reason => {
      const layer = newLayer();
      const mounted = app()
        .use(layer)
        .handler('/', answer => {
          const body = new PassThrough();
          body.write('begun');
          setImmediate(() => body.destroy(reason as never));
          answer.send(body);
        });
      await listening(mounted.listener(), async (_url, port) => {
        await tried(port);
        expect(await layer.close()).toEqual(nothing);
      });
      expect([entered, exited]).toEqual([1, 1]);
    });

  it('a body made with a native `transfer-encoding` is chunked, and cut when it fails', async () => {
    const layer = newLayer({
      middleware: [
        async (request, callNext) => {
          const response = await callNext(request);
          return new Response(response.body, response);
        },
      ],
    });
    const mounted = app()
      .use(layer)
      .native('/', (_req, res) => {
        res.setHeader('transfer-encoding', 'chunked');
        res.write('part one,');
        setImmediate(() => res.destroy(new Error('upstream has gone')));
      });
    await listening(mounted.listener(), async (_url, port) => {
      const outcome = await new Promise(resolve => {
        const sent = http.get({ port, host: '127.0.0.1', agent: false }, received => {
          received.resume();
          received.once('close', () => resolve([received.headers['transfer-encoding'], received.complete]));
        });
        sent.once('error', () => resolve(['no head', false]));
      });
      expect(outcome).toEqual([expect.stringMatching('chunked|no head'), false]);
    });
  });

  it.each([17_000, 40_000, 90_000, 1_000_000])(
    'a form goes on after a part of %i bytes without headers',
    async size => {
      const mounted = app()
        .use(newLayer())
        .at(
          '/',
          endpoint({}, async ({ request }) => [...(await request.form()).keys()]),
        );
      const named = '--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n';
      const body = `--X\r\nX-A: b\r\n\r\n${'d'.repeat(size)}\r\n${named}--X--\r\n`;
      const headers = { 'content-type': 'multipart/form-data; boundary=X' };
      await listening(mounted.listener(), async (_url, port) => {
        expect((await ask(port, { method: 'POST', headers, body })).text).toBe('["a"]');
      });
      expect([entered, exited]).toEqual([1, 1]);
    },
  );
});
