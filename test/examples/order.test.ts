import type { RequestListener } from 'node:http';
import { app as expressApp } from '../../examples/order/express.js';
import { app as koaApp } from '../../examples/order/koa.js';
import { type Scenario, scenarios } from '../../examples/order/promise.js';
import { inspect } from '../../examples/order/shop.js';
import { type Trace, traced } from '../../examples/order/trace.js';
import { listening } from '../support/frameworks.js';

const apps: [string, RequestListener][] = [
  ['Express', expressApp as RequestListener],
  ['Koa', koaApp.callback()],
];

afterAll(() => inspect[Symbol.dispose]());

describe.each(apps)('examples/order on %s', (_name, listener) => {
  it.each(scenarios)('$method $path keeps the promise', async (scenario: Scenario) => {
    let trace: Trace | undefined;
    const { status, body, timed } = await listening(
      traced(listener, (_req, begun) => (trace = begun)),
      async url => {
        const response = await fetch(url + scenario.path, { method: scenario.method });
        const text = await response.text();
        await trace?.settled(scenario.promise.length);
        return { status: response.status, body: text, timed: response.headers.has('x-process-time') };
      },
    );
    expect({ status, timed }).toEqual({ status: scenario.status, timed: scenario.hasProcessTime });
    expect(body).toMatch(scenario.body);
    const happened = trace?.events.map(({ stage, text }) =>
      stage === 'native' ? 'native:' : `${stage}: ${text}`,
    );
    expect(happened).toEqual(scenario.promise);
  });
});
