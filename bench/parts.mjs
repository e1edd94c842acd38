// The hot parts, one by one, in process: how long each takes, in microseconds, without the rest.
import { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Depends, dependency, Exchange, Layer, Request, Response, runExchange } from 'callnext';
import { measure } from 'mitata';
import { exchangeKey } from '../dist/esm/adapters/node/exchange-key.js';
import { intercept } from '../dist/esm/adapters/node/hold/install.js';
import { ExitStack } from '../dist/esm/core/dependencies/exit-stack.js';
import { solveDependencies } from '../dist/esm/core/dependencies/solve.js';
import { JSONResponse } from '../dist/esm/core/index.js';
import { compose } from '../dist/esm/core/middleware/compose.js';

const source = {
  method: 'GET',
  url: 'http://localhost/items?q=1',
  maxBodySize: 1024,
  bodyLimit: Number.POSITIVE_INFINITY,
};
const transport = {
  send: async () => ({ outcome: 'sent' }),
  fail: async () => ({ outcome: 'sent' }),
};
const body = { message: 'Hello, world', items: [1, 2, 3] };
const passing = () => (request, callNext) => callNext(request);
const around = count => Array.from({ length: count }, passing);
const newExchange = () => new Exchange(new Request(source), transport);

const settings = Depends(() => 'settings');
const connection = Depends(
  dependency({ settings }, async function* connect() {
    yield 'connection';
  }),
);
const exit = { name: 'exit', scope: 'request', leave: async () => 'passed' };
const bareRequest = { method: 'GET', headers: {}, httpVersionMajor: 1, httpVersionMinor: 1 };

const exchange = newExchange();
const [answer, below] = [new Response('text'), async () => answer];
const onion = count => compose(around(count), Array(count).fill('passing'));
const onions = { 1: onion(1), 8: onion(8), 32: onion(32) };
const [empty, timed] = [new Layer(), new Layer({ middleware: around(1) })];

const parts = {
  'request view: made, url and query read': () => new Request(source).queryParams.get('q'),
  'response: made, one header set': () => new Response('text').headers.set('x-process-time', '1'),
  'response: of plain data': () => new JSONResponse(body),
  'onion of 1': () => onions[1](exchange.request, exchange, below),
  'onion of 8': () => onions[8](exchange.request, exchange, below),
  'onion of 32': () => onions[32](exchange.request, exchange, below),
  'solve: a dependency with `yield` and one below it': () => solveDependencies({ connection }, newExchange()),
  'exit stack: two entered and left': () => {
    const stack = new ExitStack(exchange);
    stack.push(exit);
    stack.push(exit);
    return stack.leave('request', answer);
  },
  'exchange: a layer without middleware': () =>
    runExchange(newExchange(), empty, async () => new Response('text')),
  'exchange: a layer with one': () => runExchange(newExchange(), timed, async () => new Response('text')),
  'native response: head and end': () => {
    const res = new ServerResponse(bareRequest);
    res.writeHead(200);
    res.end('text');
  },
  'held response: head and end held, one header set, released': () => {
    const res = new ServerResponse(bareRequest);
    const slot = { hold: undefined };
    res[exchangeKey] = slot;
    const held = intercept(res, undefined);
    res.writeHead(200);
    res.end('text');
    held.view.headers.set('x-process-time', '1');
    held.release();
  },
};

export async function measureParts() {
  const measured = [];
  for (const [name, part] of Object.entries(parts)) {
    const { p50 } = await measure(part, { batch_samples: 1024 });
    measured.push([name, p50 / 1000]);
  }
  return measured;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, microseconds] of await measureParts())
    console.log(`${name.padEnd(60)} ${microseconds.toFixed(2)} µs`);
}
