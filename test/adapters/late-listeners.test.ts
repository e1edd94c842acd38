// Tests a listener below `toNode` that fails after its answer, before all of the answer is sent.
import type http from 'node:http';
import { Layer, type Middleware, StreamingResponse } from 'callnext';
import { toNode } from 'callnext/node';
import compression from 'compression';
import { gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';

const passing: Middleware = (request, callNext) => callNext(request);
const fail = (): never => {
  throw new Error('late');
};

/**
 * Returns what the client gets and `onError` receives. Compression's stream ends one turn after the response.
 */
async function answerOf(
  listener: http.RequestListener,
  middleware: Middleware = passing,
): Promise<[status: number, text: string, told: string[]]> {
  const told: string[] = [];
  const layer = new Layer({ middleware: [middleware], onError: error => told.push(error.message) });
  const compress = compression({ threshold: 0 });
  const handle = toNode(layer, listener);
  const serve: http.RequestListener = (req, res) => {
    res.setHeader('content-type', 'text/plain');
    compress(req as never, res as never, () => void handle(req, res));
  };
  return listening(serve, async url => {
    const response = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    const text = await response.text();
    await layer.close();
    return [response.status, text, told];
  });
}

describe('a listener that fails after its answer, with compression above the layer', () => {
  it.each([
    ['at once', ''],
    ['after a write', 'who'],
  ])('leaves it complete when it is ended %s', async (_when, first) => {
    const answer = await answerOf((_req, res) => {
      if (first) res.write(first);
      res.end(first ? 'le' : 'whole');
      fail();
    });
    expect(answer).toEqual([200, 'whole', ['late']]);
  });

  it('leaves it complete when it is ended after the head', async () => {
    const answer = await answerOf(async (_req, res) => {
      res.write('who');
      while (!res.writableCorked && res.socket?.bytesWritten === 0)
        await new Promise(resolve => setImmediate(resolve));
      res.end('le');
      fail();
    });
    expect(answer).toEqual([200, 'whole', ['late']]);
  });
});

it("leaves a streamed replacement for a failing listener's answer complete", async () => {
  const failed = gate();
  const replaces: Middleware = async (request, callNext) => {
    await callNext(request);
    return new StreamingResponse(
      (async function* () {
        yield 'ano';
        await failed.opened;
        yield 'ther';
      })(),
    );
  };
  const answer = await answerOf(async (_req, res) => {
    res.write('first');
    while (!res.headersSent || res.socket?.bytesWritten === 0)
      await new Promise(resolve => setImmediate(resolve));
    setImmediate(failed.open);
    fail();
  }, replaces);
  expect(answer).toEqual([200, 'another', ['late']]);
});

it('cuts the answer of a listener that fails halfway', async () => {
  await expect(
    answerOf(async (_req, res) => {
      res.write('who');
      await new Promise(resolve => setImmediate(resolve));
      fail();
    }),
  ).rejects.toThrow();
});

it('fails what a middleware makes of the answer of a failing listener', async () => {
  const copies: Middleware = async (request, callNext) => {
    const response = await callNext(request);
    return new StreamingResponse(response.body as AsyncIterable<Uint8Array>);
  };
  await expect(
    answerOf(async (_req, res) => {
      res.write('who');
      while (res.socket?.bytesWritten === 0) await new Promise(resolve => setImmediate(resolve));
      fail();
    }, copies),
  ).rejects.toThrow();
});
