import type http from 'node:http';
import { Recorder } from '../../adapters/inspector/recorder.js';
import { linesOf } from '../../adapters/inspector/shown/lines.js';
import type { RequestRecord } from '../../adapters/inspector/shown/record.js';
import { outOfOrder } from '../../adapters/inspector/shown/verdict.js';
import { Store } from '../../adapters/inspector/store.js';
import { traceOn } from '../../adapters/node/shared.js';
import { orderTables, scenarioOf } from '../model/order-rows.js';
import { play } from '../model/play.js';
import { type Framework, frameworks } from '../support/frameworks.js';

const store = new Store(1);
const stop = new Recorder(store).subscribe();
afterAll(stop);

/** A framework whose apps trace their requests, as `callnext/testing` does. */
function traced(framework: Framework, steps: string[]): Framework {
  return {
    ...framework,
    app() {
      const app = framework.app();
      const listenerOf = app.listener;
      app.listener = (): http.RequestListener => {
        const listener = listenerOf();
        return (req, res) => {
          traceOn(res, { add: step => steps.push(step) });
          listener(req, res);
        };
      };
      return app;
    },
  };
}

describe.each(orderTables)('the inspector, in docs/reference/order.md: $heading', ({ rows }) => {
  describe.each(frameworks)('on $name', framework => {
    it.each(rows)('$title', async row => {
      const trace: string[] = [];
      const { status } = await play(scenarioOf(row.cast), traced(framework, trace));
      const [record] = store.since(undefined).records as [RequestRecord];
      expect(record).toMatchObject({ method: 'GET', path: '/', isOver: true, omitted: 0 });
      const lines = linesOf(record);
      expect(lines.filter(({ isTraced }) => isTraced).map(({ text }) => text)).toEqual(trace);
      expect(outOfOrder(record)).toBeUndefined();
      if (status !== undefined) expect(record.status).toBe(status);
    });
  });
});
