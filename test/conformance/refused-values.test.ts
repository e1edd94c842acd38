// What is refused in place of a response is closed: nobody else could do it.
import http from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { endpoint, Layer, type Middleware, type Request, Response } from 'callnext';
import { mountFetch } from 'callnext/express';
import express from 'express';
import { gate } from '../support/events.js';
import { listening, mounts } from '../support/frameworks.js';

/** Something that is open, and when it has been closed. */
type Opened = [value: unknown, closed: Promise<unknown>];

function nodeStream(): Opened {
  const closed = gate();
  const stream = new Readable({
    read: () => undefined,
    destroy: (_error, done) => {
      closed.open();
      // A failure while it is closed must not end the process.
      done(new Error('failed to close'));
    },
  });
  return [stream, closed.opened];
}

function webStream(): [ReadableStream, Promise<unknown>] {
  const closed = gate();
  return [new ReadableStream({ cancel: () => closed.open() }), closed.opened];
}

function iterator(): Opened {
  const closed = gate();
  const value = {
    [Symbol.asyncIterator]: () => value,
    next: () => new Promise(() => undefined),
    return: async () => closed.open(),
  };
  return [value, closed.opened];
}

function platformResponse(): Opened {
  const [stream, closed] = webStream();
  return [new globalThis.Response(stream), closed];
}

function ownResponse(): Opened {
  const [value, closed] = iterator();
  return [new Response(value as AsyncIterable<string>), closed];
}

const streams: [name: string, open: () => Opened][] = [
  ['a Node stream', nodeStream],
  ['a Web stream', webStream],
  ['an async iterator', iterator],
];
const yielded: typeof streams = [
  ...streams,
  ['a Fetch response', platformResponse],
  ['a response', ownResponse],
];

describe.each(mounts)('a refused value, on $name', ({ app: newApp }) => {
  /** Asks for `/bad` of an app, twice on one connection. */
  async function ask(
    middleware: Middleware[],
    handler: (context: { readonly request: Request }) => unknown,
    options: http.RequestOptions = {},
    body = '',
  ): Promise<number[]> {
    const layer = new Layer({ middleware, onError: () => undefined });
    const app = newApp()
      .use(layer)
      .at('/bad', endpoint({}, handler as () => unknown));
    return listening(app.listener(), url => askTwice(`${url}/bad`, options, body));
  }

  it.each(streams)('of an endpoint is closed: %s', async (_what, open) => {
    const [value, closed] = open();
    expect(await ask([], () => value)).toEqual([500, 500]);
    await closed;
  });

  it.each(yielded)('of a generator is closed when it is yielded second: %s', async (_what, open) => {
    const [value, closed] = open();
    const generator = async function* (): AsyncGenerator<unknown> {
      yield { first: true };
      yield value;
    };
    await ask([], generator).catch(() => undefined);
    await closed;
  });

  it.each(yielded)('of a generator is closed when it is returned: %s', async (_what, open) => {
    const [value, closed] = open();
    // biome-ignore lint/correctness/useYield: it returns instead.
    const generator = async function* (): AsyncGenerator<unknown> {
      return value;
    };
    expect(await ask([], generator)).toEqual([500, 500]);
    await closed;
  });

  it.each(streams)('of a middleware is closed: %s', async (_what, open) => {
    const [value, closed] = open();
    expect(await ask([() => value as never], () => 'unused')).toEqual([500, 500]);
    await closed;
  });

  it.each(streams)('of an exception handler is closed: %s', async (_what, open) => {
    const [value, closed] = open();
    const layer = new Layer({ onError: () => undefined }).addExceptionHandler(Error, () => value as never);
    const failing = endpoint({}, () => {
      throw new Error('failed');
    });
    const listener = newApp().use(layer).at('/bad', failing).listener();
    expect(await listening(listener, url => askTwice(`${url}/bad`))).toEqual([500, 500]);
    await closed;
  });

  it('is left open where somebody else reads it', async () => {
    const stream = new PassThrough().resume();
    expect(await ask([], () => stream)).toEqual([500, 500]);
    expect(stream.destroyed).toBe(false);
  });

  it.each<[string, (request: Request) => unknown]>([
    ['the request', ({ raw }) => (raw as { req: unknown }).req],
    ['the response', ({ raw }) => (raw as { res: unknown }).res],
    ['the connection', ({ raw }) => (raw as { req: http.IncomingMessage }).req.socket],
    ['the body of the request', ({ body }) => body],
  ])('does not break the connection: %s', async (_what, pick) => {
    const handler = ({ request }: { readonly request: Request }): unknown => pick(request);
    expect(await ask([], handler, { method: 'POST' }, 'x'.repeat(100_000))).toEqual([500, 500]);
  });
});

it.each(streams)('a Fetch handler that returns %s has it closed', async (_what, open) => {
  const [value, closed] = open();
  const app = express()
    .set('env', 'test')
    .use(mountFetch(() => value as never));
  expect(await listening(app, url => askTwice(url))).toEqual([500, 500]);
  await closed;
});

async function askTwice(url: string, options: http.RequestOptions = {}, body = ''): Promise<number[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const once = (): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      const request = http.request(url, { agent, ...options }, response => {
        response
          .resume()
          .on('end', () => resolve(response))
          .on('error', reject);
      });
      request.on('error', reject).end(body);
    });
  try {
    const [first, second] = [await once(), await once()];
    expect(second.socket).toBe(first.socket);
    return [first.statusCode ?? 0, second.statusCode ?? 0];
  } finally {
    agent.destroy();
  }
}
