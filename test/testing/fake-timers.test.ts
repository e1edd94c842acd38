import { Depends, endpoint, HTTPException, Layer, PlainTextResponse, StreamingResponse } from 'callnext';
import { toNode } from 'callnext/node';
import { TestClient, type TestClientOptions } from 'callnext/testing';
import { gate } from '../support/events.js';
import { type Framework, mounts } from '../support/frameworks.js';

const ways: [string, TestClientOptions][] = [
  ['in process', {}],
  ['over a socket', { socket: true }],
];

/** Native code and endpoints that answer in common ways. */
function listenerOf({ app }: Framework): ReturnType<ReturnType<Framework['app']>['listener']> {
  const layer = new Layer({
    onError: () => undefined,
    middleware: [
      async (request, callNext) => {
        const response = await callNext(request);
        if (request.path !== '/read') return response;
        return new PlainTextResponse(`read ${await response.text()}`);
      },
    ],
  });
  function* getDb(): Generator<string> {
    yield 'db';
  }
  async function* body(): AsyncGenerator<string> {
    yield 'a';
    yield 'b';
  }
  return app()
    .use(layer)
    .handler('/json', answer => answer.status(201).send({ ok: true }))
    .handler('/read', answer => answer.send('native'))
    .native('/written', (_req, res) => {
      res.write('a', () => res.end('b'));
    })
    .handler('/injected', async answer =>
      answer.send(await answer.inject(Depends(getDb, { scope: 'function' }))),
    )
    .at(
      '/stream',
      endpoint({}, () => new StreamingResponse(body())),
    )
    .at(
      '/posted',
      endpoint({ db: Depends(getDb) }, ({ request }) => request.json()),
    )
    .at(
      '/refused',
      endpoint({}, () => {
        throw new HTTPException(418, 'no');
      }),
    )
    .handler('/broken', () => {
      throw new Error('broken');
    })
    .listener();
}

const paths = ['/json', '/read', '/written', '/injected', '/stream', '/refused'];

async function visit(client: TestClient, withError: boolean): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (const path of [...paths, ...(withError ? ['/broken'] : [])]) {
    const response = await client.get(path);
    const text = await response.text();
    seen.push([path, response.status, path === '/broken' ? '' : text]);
  }
  const posted = await client.post('/posted', { json: { a: 1 } });
  seen.push([posted.status, await posted.text()]);
  await client.settled();
  return seen;
}

afterEach(() => {
  jest.useRealTimers();
});

describe.each(ways)('TestClient %s under fake timers', (_way, options) => {
  // Express' router passes errors with `setImmediate`; if that is faked, it hangs without a layer too.
  it.each(mounts)('calls an app of $name as with real timers', async framework => {
    const listener = listenerOf(framework);
    const underReal = async (withError: boolean): Promise<unknown> => {
      jest.useRealTimers();
      await using client = new TestClient(listener, options);
      return await visit(client, withError);
    };
    for (const withError of framework.isKoa ? [true] : [true, false]) {
      const expected = await underReal(withError);
      jest.useFakeTimers(withError && !framework.isKoa ? { doNotFake: ['setImmediate'] } : {});
      const client = new TestClient(listener, options);
      expect(await visit(client, withError)).toEqual(expected);
      await client.close();
    }
  });

  it("lets a test reach the layer's `timeout` with its own clock", async () => {
    jest.useFakeTimers();
    const begun = gate();
    const layer = new Layer({ timeout: 60_000, onError: () => undefined });
    const client = new TestClient(
      toNode(layer, () => void begun.open()),
      options,
    );
    const call = client.get('/');
    await begun.opened;
    jest.advanceTimersByTime(60_000);
    expect((await call).status).toBe(504);
    jest.advanceTimersByTime(60_000);
    await client.close();
  });

  it('still gives up on an unfinished call in real time', async () => {
    jest.useFakeTimers();
    const release = gate();
    const waiting = endpoint({}, function waiting({ backgroundTasks }) {
      backgroundTasks.addTask(function waits() {
        return release.opened;
      });
    });
    const client = new TestClient(waiting, options);
    await client.get('/');
    await expect(client.settled({ timeoutMs: 10 })).rejects.toMatchObject({ code: 'NOT_SETTLED' });
    release.open();
    await client.close();
  });
});
