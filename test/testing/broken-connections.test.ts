import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { endpoint, Layer, StreamingResponse } from 'callnext';
import { toNode } from 'callnext/node';
import { TestClient, type TestClientOptions } from 'callnext/testing';

type Break = (req: IncomingMessage, res: ServerResponse) => void;

/** Ways in which native code breaks a connection, before and within its response. */
const breaks: Record<string, Break> = {
  'destroys the response': (_req, res) => void res.destroy(),
  'destroys the response with an error': (_req, res) => void res.destroy(new Error('broken')),
  'destroys the request': req => void req.destroy(),
  'destroys the socket later': req => void setImmediate(() => req.socket.destroy()),
  'ends the socket': req => void req.socket.end(),
  'resets the connection': req => void req.socket.resetAndDestroy(),
  'destroys the response after a part': (_req, res) => {
    res.writeHead(200, { 'content-length': 10 }).write('part', () => res.destroy());
  },
  'destroys the socket after a chunk': (req, res) => {
    res.write('part', () => req.socket.destroy());
  },
  'destroys the response in the tick of its end': (_req, res) => {
    res.writeHead(200, { 'content-length': 10 });
    res.end('part');
    res.destroy();
  },
  'lets the socket time out': (req, res) => {
    req.socket.setTimeout(10, () => req.socket.destroy());
    res.write('part');
  },
  'writes what is no HTTP': req => void req.socket.end('nonsense\r\n\r\n'),
};

async function outcome(listener: RequestListener, options: TestClientOptions): Promise<unknown> {
  const client = new TestClient(listener, options);
  const seen: Record<string, unknown> = {};
  try {
    const response = await client.get('/', { settle: true });
    seen.status = response.status;
    const chunks: string[] = [];
    seen.chunks = chunks;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      chunks.push(Buffer.from(chunk).toString());
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    seen.error = { name, message, code };
  }
  seen.trace = client.trace;
  await client.close();
  return seen;
}

async function expectSame(listener: () => RequestListener): Promise<void> {
  const inProcess = await outcome(listener(), {});
  const overSocket = await outcome(listener(), { socket: true });
  expect(inProcess).toEqual(overSocket);
  expect(inProcess).toHaveProperty('error');
}

describe.each(Object.entries(breaks))('an app that %s', (_title, break_) => {
  it('behaves in process as over a socket', () => expectSame(() => break_));

  it('behaves in process as over a socket below a layer', () =>
    expectSame(() => toNode(new Layer({ onError: () => undefined }), break_ as never) as RequestListener));
});

it('sees a request body fail halfway in process as over a socket', () =>
  expectSame(() => {
    const layer = new Layer({ onError: () => undefined });
    const failing = endpoint({}, () => {
      async function* body(): AsyncGenerator<string> {
        yield 'part';
        throw new Error('broken');
      }
      return new StreamingResponse(body());
    });
    return toNode(layer, toNode(failing)) as RequestListener;
  }));

it.each([{ socket: false }, { socket: true }])(
  'cuts a body that still streams when it is closed (%j)',
  async options => {
    const client = new TestClient((_req, res) => void res.write('part'), options);
    const response = await client.get('/', { stream: true });
    const body = expect(response.text()).rejects.toThrow();
    await client.close();
    await body;
  },
);

it('answers an upload on which the app hangs up', async () => {
  const client = new TestClient(
    (req, res) => void res.writeHead(413).end('too big', () => void req.destroy()),
    { socket: true },
  );
  const response = await client.post('/', { body: Buffer.alloc(20_000_000) });
  expect(await response.text()).toBe('too big');
  await client.close();
});
