import { trace } from '@opentelemetry/api';
import { Depends, Layer } from 'callnext';
import { callnextInstrumentation } from 'callnext/opentelemetry';
import { Spans } from './spans.js';

async function* getDb() {
  yield 'db';
}

describe('callnextInstrumentation', () => {
  let spans: Spans;
  beforeEach(() => {
    spans = new Spans();
  });
  afterEach(() => spans.shutdown());

  it('makes spans of a function outside a request, under the active span', async () => {
    const instrumentation = callnextInstrumentation();
    await trace.getTracer('cron').startActiveSpan('nightly', async span => {
      await new Layer().run({ db: Depends(getDb) }, function clean({ backgroundTasks }) {
        backgroundTasks.addTask(function tell() {
          trace.getTracer('cron').startSpan('mail').end();
        });
      });
      span.end();
    });
    instrumentation.disable();
    expect(spans.tree).toEqual([
      'nightly',
      '  run clean',
      '    dependency getDb',
      '    endpoint clean',
      '    dependency exit getDb',
      '    task tell',
      '      mail',
    ]);
  });

  it('uses the provider that it is given, and makes nothing before it is enabled', async () => {
    const other = new Spans();
    const instrumentation = callnextInstrumentation({ enabled: false });
    await new Layer().run({}, function early() {
      return 1;
    });
    instrumentation.setTracerProvider(other.provider);
    instrumentation.enable();
    await new Layer().run({}, function late() {
      return 1;
    });
    instrumentation.disable();
    await new Layer().run({}, function tooLate() {
      return 1;
    });
    expect(other.tree).toEqual(['run late', '  endpoint late']);
    expect(spans.tree).toEqual([]);
    await other.shutdown();
  });

  it('has the interface of an instrumentation, with its options as its config', () => {
    const instrumentation = callnextInstrumentation({ enabled: false, tasks: 'link' });
    expect(instrumentation.instrumentationName).toBe('callnext/opentelemetry');
    expect(instrumentation.getConfig()).toEqual({
      enabled: false,
      server: true,
      middleware: true,
      dependencies: true,
      endpoints: true,
      send: false,
      tasks: 'link',
      durableTasks: 'link',
    });
    instrumentation.setConfig({ enabled: false });
    expect(instrumentation.getConfig()).toMatchObject({ tasks: 'child' });
  });

  it.each([
    [{ task: 'link' }, /no option `task`/],
    [{ tasks: 'both' }, /`tasks`/],
    [{ send: 'yes' }, /`send`/],
    ['all', /options/],
  ])('refuses %j', (options, message) => {
    expect(() => callnextInstrumentation(options as never)).toThrow(message);
  });
});
