import http from 'node:http';
import { Layer } from 'callnext';
import { toExpress, wrap } from 'callnext/express';
import express5, { type Express, type NextFunction } from 'express';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;

type Log = (event: string) => void;

/** The parts of an app, and the request to it. */
interface Scene {
  build(app: Express, log: Log, express: typeof express5): void;
  asked?: http.RequestOptions;
}

/** Logs whether later handlers have answered by the time `next` returns. */
function passing(log: Log, name: string) {
  return (_req: unknown, res: express5.Response, next: NextFunction): void => {
    log(`${name} before`);
    next();
    log(`${name} after, ${res.headersSent ? 'answered' : 'unanswered'}`);
  };
}

function failing(log: Log, name: string) {
  return (_req: unknown, _res: unknown, next: NextFunction): void => {
    log(`${name} before`);
    next(new Error(name));
    log(`${name} after`);
  };
}

function answering(log: Log) {
  return (error: Error, _req: unknown, res: express5.Response, _next: NextFunction): void => {
    log(`answers ${error.message}`);
    res.status(400).end(error.message);
  };
}

const scenes: Record<string, Scene> = {
  'an app without routes': { build: app => app.disable('x-powered-by') },
  'a stack that ends in a route of another path': {
    build: (app, log) => app.use(passing(log, 'a')).get('/other', passing(log, 'b')),
  },
  'a stack that ends in a route of another method': {
    build: (app, log) => app.use(passing(log, 'a')).post('/x', passing(log, 'b')),
  },
  'a HEAD of a route of another method': {
    build: (app, log) => app.use(passing(log, 'a')).post('/x', passing(log, 'b')),
    asked: { method: 'HEAD' },
  },
  'OPTIONS of a route that is the last': {
    build: (app, log) => app.use(passing(log, 'a')).post('/x', passing(log, 'b')),
    asked: { method: 'OPTIONS' },
  },
  'a stack that ends in a middleware': { build: (app, log) => app.use(passing(log, 'a'), passing(log, 'b')) },
  'a stack that ends in a middleware of another path': {
    build: (app, log) => app.use(passing(log, 'a')).use('/other', passing(log, 'b')),
  },
  'a stack that ends in a route that goes on': {
    build: (app, log) => app.use(passing(log, 'a')).get('/x', passing(log, 'b')),
  },
  'a nested router that ends in a route of another path': {
    build(app, log, express) {
      const router = express.Router().use(passing(log, 'b')).get('/other', passing(log, 'c'));
      app.use(passing(log, 'a')).use(router).get('/other', passing(log, 'd'));
    },
  },
  'a nested router that ends in a middleware': {
    build(app, log, express) {
      app
        .use(passing(log, 'a'))
        .use(express.Router().use(passing(log, 'b')))
        .use(passing(log, 'c'));
    },
  },
  'a router in a router, both ending in routes': {
    build(app, log, express) {
      const inner = express.Router().use(passing(log, 'b')).get('/other', passing(log, 'c'));
      app.use(passing(log, 'a')).use(express.Router().use(inner).get('/other', passing(log, 'd')));
    },
  },
  'an error of the last entry of a nested router': {
    build(app, log, express) {
      app.use(express.Router().get('/x', failing(log, 'b'))).use(answering(log));
    },
  },
  'an error before the last route of a nested router': {
    build(app, log, express) {
      const router = express.Router().get('/x', failing(log, 'b')).get('/other', passing(log, 'c'));
      app.use(router).use(answering(log));
    },
  },
  'an error before a middleware of a nested router': {
    build(app, log, express) {
      const router = express.Router().get('/x', failing(log, 'b')).use(passing(log, 'c'));
      app.use(router).use(answering(log));
    },
  },
  'a path that cannot be decoded': {
    build: (app, log) => app.get('/:id', passing(log, 'a')).get('/other', passing(log, 'b')),
    asked: { path: '/%ff' },
  },
};

/** Returns the events in an app, the answer, and how its router was left. */
async function play(
  { build, asked }: Scene,
  express: typeof express5,
  mounted: 'without a layer' | 'with a layer' | 'wrapped',
): Promise<{ events: string[]; answers: unknown[]; statuses: unknown[] }> {
  const events: string[] = [];
  const app = express().set('env', 'test');
  if (mounted === 'with a layer') app.use(toExpress(new Layer()));
  build(app, event => events.push(event), express);
  const layer = new Layer({ middleware: [(_request, callNext) => callNext()] });
  const listener = mounted === 'wrapped' ? wrap(app as never, layer) : app;
  return listening(listener as http.RequestListener, async (_url, port) => {
    const answers: unknown[][] = [];
    // Only the first request sees the router as it was built.
    for (let count = 0; count < 2; count += 1)
      answers.push(await answerOf({ port, path: '/x', ...asked }, events));
    return { events, answers, statuses: answers.map(([status]) => status) };
  });
}

function answerOf(options: http.RequestOptions, events: string[]): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', agent: false, ...options }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', part => {
        text += part;
      });
      response.on('end', () => {
        events.push('answered');
        const { date: _date, 'content-length': _length, ...headers } = response.headers;
        // A stack trace follows here.
        resolve([response.statusCode, headers, text.split('<br>', 1)[0]]);
      });
    });
    request.on('error', reject).end();
  });
}

describe.each<[string, typeof express5]>([
  ['Express 5', express5],
  ['Express 4', express4],
])('%s leaves its routers as without a layer:', (_name, express) => {
  it.each(Object.keys(scenes))('%s', async title => {
    const scene = scenes[title] as Scene;
    const native = await play(scene, express, 'without a layer');
    expect(await play(scene, express, 'with a layer')).toEqual(native);
    expect(await play(scene, express, 'wrapped')).toEqual(native);
  });
});

describe.each<[string, typeof express5]>([
  ['Express 5', express5],
  ['Express 4', express4],
])('under fake timers %s', (_name, express) => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each(['without a layer', 'with a layer', 'wrapped'] as const)(
    'answers a 404 of a route, %s',
    async mounted => {
      jest.useFakeTimers();
      const scene = scenes['a nested router that ends in a route of another path'] as Scene;
      expect((await play(scene, express, mounted)).statuses).toEqual([404, 404]);
    },
  );
});

it('an error still reaches the layer when routes were added after the first request', async () => {
  const rejected: string[] = [];
  const layer = new Layer({
    middleware: [
      (_request, callNext) =>
        callNext().catch(error => {
          rejected.push(error.message);
          throw error;
        }),
    ],
    onError: () => undefined,
  });
  const app = express5().set('env', 'test').use(toExpress(layer));
  await listening(app, async (_url, port) => {
    for (const path of ['/a', '/b', '/c']) {
      app.get(path, () => {
        throw new Error(path);
      });
      expect(await answerOf({ port, path }, [])).toHaveProperty('0', 500);
      expect(await answerOf({ port, path: '/none' }, [])).toHaveProperty('0', 404);
    }
  });
  expect(rejected).toEqual(['/a', '/b', '/c']);
});
