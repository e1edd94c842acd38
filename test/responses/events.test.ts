import { EventEmitter, on, once } from 'node:events';
import http from 'node:http';
import {
  Depends,
  type EventSourceInit,
  EventSourceResponse,
  endpoint,
  Layer,
  ServerSentEvent,
  type ServerSentEventInit,
} from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import compression from 'compression';
import express from 'express';
import Koa from 'koa';
import compress from 'koa-compress';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

describe('a ServerSentEvent', () => {
  it.each<[ServerSentEventInit, string]>([
    [{ data: { a: 'é\n' } }, 'data: {"a":"é\\n"}\n\n'],
    [{ data: 'text' }, 'data: "text"\n\n'],
    [{ data: null }, 'data: null\n\n'],
    [{ rawData: 'two\nlines\r\nthree\r' }, 'data: two\ndata: lines\ndata: three\ndata: \n\n'],
    [
      { comment: 'a\nb', event: 'tick', data: 1, id: '7', retry: 0 },
      ': a\n: b\nevent: tick\ndata: 1\nid: 7\nretry: 0\n\n',
    ],
    [{ event: 'end' }, 'event: end\n\n'],
    [{ id: '' }, 'id: \n\n'],
    [{}, '\n'],
  ])('%j is written as %j', (init, text) => {
    expect(new ServerSentEvent(init).text).toBe(text);
  });

  it.each<[ServerSentEventInit, string]>([
    [{ event: 'a\nb' }, 'SERVER_SENT_EVENT'],
    [{ id: 'a\rb' }, 'SERVER_SENT_EVENT'],
    [{ id: 'a\0' }, 'SERVER_SENT_EVENT'],
    [{ retry: -1 }, 'SERVER_SENT_EVENT'],
    [{ retry: 1.5 }, 'SERVER_SENT_EVENT'],
    [{ data: 1, rawData: '1' }, 'SERVER_SENT_EVENT'],
    [{ data: Number.NaN }, 'NOT_SERIALIZABLE'],
  ])('%j is refused', (init, code) => {
    expect(() => new ServerSentEvent(init)).toThrow(expect.objectContaining({ code }));
  });
});

/** What a client receives until it leaves. */
async function receive(
  listener: http.RequestListener,
  use: (received: {
    until(text: string): Promise<string>;
    head: http.IncomingMessage;
    leave(): void;
  }) => Promise<void>,
  headers: Record<string, string> = {},
): Promise<void> {
  await listening(listener, async (_url, port) => {
    const request = http.get({ port, headers });
    request.on('error', () => undefined);
    const [head] = (await once(request, 'response')) as [http.IncomingMessage];
    head.on('error', () => undefined);
    let text = '';
    head.setEncoding('utf8').on('data', chunk => {
      text += chunk;
    });
    await use({
      head,
      leave: () => request.destroy(),
      async until(awaited) {
        while (!text.includes(awaited)) await Promise.race([once(head, 'data'), once(head, 'close')]);
        return text;
      },
    });
  });
}

describe.each(frameworks)('an EventSourceResponse on $name', ({ app }) => {
  const serving = (make: Parameters<typeof endpoint>[1], layer = new Layer()): http.RequestListener =>
    app()
      .use(layer)
      .at('/', endpoint({}, make as never))
      .listener();

  it('sends its head before its first event, and each event when it comes', async () => {
    const first = gate();
    const second = gate();
    async function* events(): AsyncGenerator<unknown> {
      await first.opened;
      yield { n: 1 };
      await second.opened;
      yield new ServerSentEvent({ event: 'tick', data: 2, id: '2' });
    }
    await receive(
      serving(() => new EventSourceResponse(events())),
      async ({ head, until }) => {
        expect(head.headers).toMatchObject({
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-cache, no-transform',
          'x-accel-buffering': 'no',
        });
        first.open();
        expect(await until('\n\n')).toBe('data: {"n":1}\n\n');
        second.open();
        expect(await until('id: 2\n\n')).toBe('data: {"n":1}\n\nevent: tick\ndata: 2\nid: 2\n\n');
        if (!head.readableEnded) await once(head, 'end');
      },
    );
  });

  it('keeps a silent connection alive with comments and loses no event', async () => {
    const open = gate();
    async function* events(): AsyncGenerator<unknown> {
      await open.opened;
      yield 'late';
    }
    await receive(
      serving(() => new EventSourceResponse(events(), { pingInterval: 5 })),
      async ({ until }) => {
        await until(': ping\n\n: ping\n\n');
        open.open();
        expect(await until('late')).toMatch(/^(: ping\n\n)+data: "late"\n\n$/);
      },
    );
  });

  it('closes when the client leaves, then its dependencies exit, and nothing is reported', async () => {
    const log = new EventLog();
    const market = new EventEmitter();
    async function* getFeed(): AsyncGenerator<string> {
      yield 'feed';
      log.add('exit');
    }
    const layer = new Layer({ onError: error => log.add(`reported: ${error.message}`) });
    const prices = endpoint({ feed: Depends(getFeed) }, ({ request, backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('task'));
      async function* events(): AsyncGenerator<unknown> {
        try {
          for await (const [price] of on(market, 'price', { signal: request.signal })) yield price;
        } finally {
          log.add('closed');
        }
      }
      return new EventSourceResponse(events());
    });
    await receive(app().use(layer).at('/', prices).listener(), async ({ until, leave }) => {
      const sent = setInterval(() => market.emit('price', 1), 1);
      await until('data: 1');
      clearInterval(sent);
      leave();
      await log.until('task');
    });
    await layer.close();
    expect(log.events).toEqual(['closed', 'exit', 'task']);
  });

  it('cuts the connection when it fails, and reports the failure', async () => {
    const errors: Error[] = [];
    const layer = new Layer({ onError: error => errors.push(error) });
    async function* events(): AsyncGenerator<unknown> {
      yield 1;
      throw new Error('feed lost');
    }
    await receive(
      serving(() => new EventSourceResponse(events()), layer),
      async ({ head }) => {
        if (!head.closed) await new Promise(resolve => head.once('close', resolve));
        expect(head.complete).toBe(false);
      },
    );
    await layer.close();
    expect(errors).toMatchObject([{ message: 'feed lost' }]);
  });

  it('accepts values that are not generated, and its own headers', async () => {
    const init: EventSourceInit = { headers: { 'cache-control': 'no-store' }, status: 201 };
    await receive(
      serving(() => new EventSourceResponse([1, undefined], init)),
      async ({ head, until }) => {
        expect([head.statusCode, head.headers['cache-control']]).toEqual([201, 'no-store']);
        expect(await until('null\n\n')).toBe('data: 1\n\ndata: null\n\n');
      },
    );
  });

  it('resumes where a client left off', async () => {
    const resumed = serving(({ request }) => {
      const last = Number(request.headers.get('last-event-id') ?? 0);
      return new EventSourceResponse([new ServerSentEvent({ data: last + 1, id: String(last + 1) })]);
    });
    await receive(
      resumed,
      async ({ until }) => {
        expect(await until('id')).toContain('data: 8\n');
      },
      { 'last-event-id': '7' },
    );
  });
});

describe('behind compression', () => {
  async function* events(open: Promise<void>): AsyncGenerator<unknown> {
    yield 'first';
    await open;
  }

  it.each<[string, (make: () => EventSourceResponse) => http.RequestListener]>([
    [
      'Express',
      make =>
        express()
          .use(compression({ threshold: 0 }) as never)
          .use(toExpress(endpoint({}, make))) as http.RequestListener,
    ],
    [
      'Koa',
      make =>
        new Koa()
          .use(compress({ threshold: 0 }))
          .use(toKoa(endpoint({}, make)))
          .callback(),
    ],
  ])('an event arrives at once on %s', async (_name, mount) => {
    const { opened, open } = gate();
    await receive(
      mount(() => new EventSourceResponse(events(opened))),
      async ({ head, until }) => {
        expect(head.headers).not.toHaveProperty('content-encoding');
        await until('data: "first"\n\n');
        open();
      },
      { 'accept-encoding': 'gzip' },
    );
  });
});

it.each([-1, Number.NaN, 2 ** 31, '5'])('rejects a pingInterval of %p', pingInterval => {
  expect(() => new EventSourceResponse([], { pingInterval: pingInterval as number })).toThrow(
    expect.objectContaining({ code: 'SERVER_SENT_EVENT' }),
  );
});
