// npm run demo              sends real requests to Express and Koa, and compares the order with the promise
// npm run demo -- --serve   keeps both listening, prints the timeline of each request that you send, and
//                           draws it at /inspector
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { app as expressApp } from './express.js';
import { app as koaApp } from './koa.js';
import { type Scenario, scenarios } from './promise.js';
import { type Trace, traced } from './trace.js';

const apps: readonly { name: string; listener: RequestListener }[] = [
  { name: 'Express', listener: expressApp as RequestListener },
  { name: 'Koa', listener: koaApp.callback() },
];

const failures = process.argv.includes('--serve')
  ? await serve()
  : await compareAll();
process.exitCode = failures === 0 ? 0 : 1;

async function compareAll(): Promise<number> {
  let differing = 0;
  for (const { name, listener } of apps) {
    let latest: Trace | undefined;
    const server = await listen(
      traced(listener, (_req, trace) => (latest = trace)),
    );
    for (const scenario of scenarios) {
      const differences = await compare(
        name,
        urlOf(server),
        scenario,
        () => latest as Trace,
      );
      differing += differences.length === 0 ? 0 : 1;
    }
    server.close();
    server.closeAllConnections();
  }
  const all = apps.length * scenarios.length;
  console.log(
    differing === 0
      ? `All ${all} requests ran in the promised order.`
      : `${differing} of ${all} requests did not keep the promise.`,
  );
  return differing;
}

/** Sends one request, prints its timeline, and names what differs from the promise. */
async function compare(
  app: string,
  url: string,
  scenario: Scenario,
  latest: () => Trace,
): Promise<string[]> {
  const { method, path, headers = {}, promise } = scenario;
  const response = await fetch(url + path, { method, headers });
  const body = await response.text();
  await latest().settled(promise.length);
  const { events } = latest();
  const happened = events.map(({ stage, text }) =>
    stage === 'native' ? 'native:' : `${stage}: ${text}`,
  );
  const differences = differencesBetween(promise, happened);
  if (response.status !== scenario.status)
    differences.push(`status ${response.status} instead of ${scenario.status}`);
  if (!matches(body, scenario.body))
    differences.push(
      `body ${JSON.stringify(body)} instead of ${scenario.body}`,
    );
  if (response.headers.has('x-process-time') !== scenario.hasProcessTime)
    differences.push('X-Process-Time');
  console.log(
    `${app}  ${method} ${path} → ${response.status}\n${scenario.title}\n`,
  );
  printTimeline(events);
  console.log(
    differences.length === 0
      ? '\n  ✔ as promised\n'
      : `\n  ✘ ${differences.join('\n  ✘ ')}\n`,
  );
  return differences;
}

function differencesBetween(
  promise: readonly string[],
  happened: readonly string[],
): string[] {
  const length = Math.max(promise.length, happened.length);
  const steps = Array.from({ length }, (_, index) => index);
  return steps
    .filter(index => promise[index] !== happened[index])
    .map(
      index =>
        `step ${index + 1}: ${happened[index] ?? 'nothing'} instead of ${promise[index] ?? 'nothing'}`,
    );
}

function matches(text: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? text === expected : expected.test(text);
}

function printTimeline(events: Trace['events']): void {
  for (const { at, stage, text } of events) {
    console.log(
      `  ${at.toFixed(1).padStart(6)} ms  ${stage.padEnd(10)}  ${text}`,
    );
  }
}

async function serve(): Promise<number> {
  for (const { name, listener } of apps) {
    const print = (method: string, url: string, trace: Trace): void => {
      console.log(`\n${name}  ${method} ${url}`);
      printTimeline(trace.events);
    };
    const server = await listen(
      traced(listener, (req, trace, res) => {
        // Express changes it while the request is in a mounted handler.
        const { method = '', url = '' } = req;
        if (url.startsWith('/inspector')) return;
        res.once('close', () =>
          setTimeout(() => print(method, url, trace), 20),
        );
      }),
    );
    console.log(`${name} listens. Open ${urlOf(server)}/inspector, and try:`);
    for (const { method, path } of scenarios)
      console.log(`  curl -i -X ${method} ${urlOf(server)}${path}`);
  }
  return 0;
}

function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  return new Promise(resolve =>
    server.listen(0, '127.0.0.1', () => resolve(server)),
  );
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
