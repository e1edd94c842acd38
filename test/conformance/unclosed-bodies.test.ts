import http from 'node:http';
import { Readable } from 'node:stream';
import {
  Depends,
  endpoint,
  Layer,
  type LayerOptions,
  type Middleware,
  PlainTextResponse,
  StreamingResponse,
} from 'callnext';
import { EventLog } from '../support/events.js';
import { type Framework, listening, mounts } from '../support/frameworks.js';

const nothing = { responses: [], exits: [], tasks: [] };
const never = new Promise<never>(() => undefined);
const unclosed = 'response: BODY_UNCLOSED';

type Body = ReadableStream<string> | AsyncIterable<string>;

function webStream(closing: () => void): Body {
  const cancel = (): Promise<never> => {
    closing();
    return never;
  };
  return new ReadableStream({ start: controller => controller.enqueue('begun'), cancel });
}

async function* endless(closing: () => void): AsyncGenerator<string> {
  try {
    for (;;) {
      yield 'begun';
      await new Promise(resolve => setImmediate(resolve));
    }
  } finally {
    closing();
    await never;
  }
}

function waiting(closing: () => void): Body {
  const generator = (async function* () {
    yield 'begun';
    await never;
  })();
  const close = (): Promise<IteratorResult<string>> => {
    closing();
    return generator.return(undefined);
  };
  return { [Symbol.asyncIterator]: () => ({ next: () => generator.next(), return: close }) };
}

/** Bodies that start, log their closing, and never end. */
const bodies: [name: string, make: (closing: () => void) => Body][] = [
  ['a Web stream whose cancel() never settles', webStream],
  ['a generator whose `finally` never ends', endless],
  ['a generator that waits for ever', waiting],
];

describe.each(mounts)('on $name, a body that does not close', ({ app }: Framework) => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  async function* getDb() {
    try {
      yield 'db';
    } finally {
      log.add('exit');
    }
  }
  const layerWith = (options: LayerOptions): Layer =>
    new Layer({
      onError: (error, { phase }) => log.add(`${phase}: ${(error as Error & { code?: string }).code}`),
      ...options,
    });
  const streaming = (make: (closing: () => void) => Body) =>
    endpoint({ db: Depends(getDb) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(log.add, 'task');
      return new StreamingResponse(make(() => log.add('closing')));
    });

  /**
   * Serves one request, whose client leaves with `leave`. Resolves after its last task, with the layer
   * closed.
   */
  async function serve(
    layer: Layer,
    make: (closing: () => void) => Body,
    method: string,
    during: (request: http.ClientRequest) => Promise<void>,
  ): Promise<void> {
    const listener = app().use(layer).at('/', streaming(make)).listener();
    await listening(listener, async (_url, port) => {
      const request = http.request({ port, host: '127.0.0.1', agent: false, method });
      request.on('error', () => undefined).end();
      await during(request);
      await log.until('task');
    });
    expect(await layer.close()).toEqual(nothing);
  }

  const leaveWhenBegun = async (request: http.ClientRequest): Promise<void> => {
    const response = await new Promise<http.IncomingMessage>(resolve => request.once('response', resolve));
    response.on('error', () => undefined);
    await new Promise(resolve => response.once('data', resolve));
    request.destroy();
    await log.until('closing');
  };

  it.each(bodies)('delays the exits for the timeout of its layer: %s', async (_name, make) => {
    await serve(layerWith({ timeout: 100 }), make, 'GET', leaveWhenBegun);
    expect(log.events).toEqual(['closing', unclosed, 'exit', 'task']);
  });

  it.each(bodies)('delays the exits for 5 seconds if no layer has a timeout: %s', async (_name, make) => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date', 'performance'] });
    await serve(layerWith({}), make, 'GET', async request => {
      await leaveWhenBegun(request);
      await jest.advanceTimersByTimeAsync(4_999);
      expect(log.events).toEqual(['closing']);
      await jest.advanceTimersByTimeAsync(1);
    });
    expect(log.events).toEqual(['closing', unclosed, 'exit', 'task']);
  });

  it.each(bodies)('keeps nothing open when its client leaves before the head: %s', async (_name, make) => {
    const held: Middleware = async (request, callNext) => {
      const gone = new Promise(resolve => request.signal.addEventListener('abort', resolve));
      const response = await callNext(request);
      log.add('held');
      await gone;
      return response;
    };
    await serve(layerWith({ timeout: 200, middleware: [held] }), make, 'GET', async request => {
      await log.until('held');
      request.destroy();
    });
    expect(log.events.slice(-2)).toEqual(['exit', 'task']);
  });

  it.each(bodies)('keeps nothing open when it answers HEAD: %s', async (_name, make) => {
    await serve(layerWith({ timeout: 100 }), make, 'HEAD', async () => undefined);
    expect(log.events.slice(-2)).toEqual(['exit', 'task']);
  });

  it.each(bodies)('keeps nothing open when it is replaced: %s', async (_name, make) => {
    const replacing: Middleware = async (request, callNext) => {
      const { background } = await callNext(request);
      return new PlainTextResponse('other', background ? { background } : {});
    };
    await serve(layerWith({ timeout: 100, middleware: [replacing] }), make, 'GET', async () => undefined);
    expect(log.events.slice(-2)).toEqual(['exit', 'task']);
  });

  it('is cut at once when it is longer than declared', async () => {
    const layer = layerWith({ timeout: 100 });
    const headers = { 'content-length': '2' };
    async function* body() {
      try {
        yield 'too long';
      } finally {
        log.add('closing');
        await never;
      }
    }
    const listener = app()
      .use(layer)
      .at(
        '/',
        endpoint({ db: Depends(getDb) }, () => new StreamingResponse(body(), { headers })),
      )
      .listener();
    await listening(listener, async url => {
      await expect(fetch(url).then(response => response.text())).rejects.toThrow();
      await log.until('exit');
    });
    expect(log.events).toContain('response: CONTENT_LENGTH');
    expect(await layer.close()).toEqual(nothing);
  });

  it('delays nothing if it is a Node stream that never calls back from destroy()', async () => {
    const stream = (closing: () => void): Body => {
      let isFirst = true;
      return new Readable({
        read() {
          if (isFirst) this.push('begun');
          isFirst = false;
        },
        destroy: closing,
      });
    };
    await serve(layerWith({}), stream, 'GET', leaveWhenBegun);
    expect(log.events).toEqual(['closing', 'exit', 'task']);
  });

  it('reports its failure to onError after its dependencies have exited', async () => {
    let fail!: (error: Error) => void;
    const failing = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    const late = (closing: () => void): Body =>
      new ReadableStream({
        start: controller => controller.enqueue('begun'),
        cancel() {
          closing();
          return failing;
        },
      });
    await serve(layerWith({ timeout: 50 }), late, 'GET', leaveWhenBegun);
    fail(Object.assign(new Error('too late'), { code: 'LATE' }));
    await log.until('response: LATE');
    expect(log.events).toEqual(['closing', 'response: BODY_UNCLOSED', 'exit', 'task', 'response: LATE']);
  });
});
