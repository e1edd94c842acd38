import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import {
  BackgroundTask,
  Depends,
  endpoint,
  HTTPException,
  Layer,
  type Middleware,
  StreamingResponse,
} from 'callnext';
import { type CallnextInstrumentation, callnextInstrumentation } from 'callnext/opentelemetry';
import { subscribe } from 'callnext/tracing';
import { gate } from '../support/events.js';
import { type Framework, frameworks, listening, type TestApp } from '../support/frameworks.js';
import { Spans } from './spans.js';

const timing: Middleware = async function timing(request, callNext) {
  return callNext(request);
};

async function* getDb() {
  yield 'db';
}

function notify(): void {
  // A task that does nothing.
}

describe.each(frameworks)('spans on $name', (framework: Framework) => {
  let spans: Spans;
  let instrumentation: CallnextInstrumentation;
  let layer: Layer;

  beforeEach(() => {
    spans = new Spans();
    instrumentation = callnextInstrumentation();
    layer = new Layer({ middleware: [timing], onError: () => undefined });
  });

  afterEach(async () => {
    instrumentation.disable();
    await spans.shutdown();
  });

  /** Asks the app once, and waits for the last task. */
  async function ask(app: TestApp, path = '/', headers: Record<string, string> = {}): Promise<string> {
    return listening(app.listener(), async url => {
      const response = await fetch(url + path, { headers });
      const body = await response.text().catch(() => 'cut');
      await layer.close();
      return `${response.status} ${body}`;
    });
  }

  it('form one tree: exits and tasks are under the request', async () => {
    const readItem = endpoint({ db: Depends(getDb) }, function readItem({ backgroundTasks }) {
      backgroundTasks.addTask(notify);
      return { ok: true };
    });
    await ask(framework.app().use(layer).at('/', readItem));
    expect(spans.tree).toEqual([
      'SERVER GET 200',
      '  middleware timing',
      '    native code',
      '      dependency getDb',
      '      endpoint readItem',
      '  dependency exit getDb',
      '  task notify',
    ]);
    const [link] = spans.named('dependency exit getDb').links;
    expect(link?.context).toEqual(spans.named('dependency getDb').spanContext());
    expect(spans.named('GET').attributes).toMatchObject({
      'http.request.method': 'GET',
      'url.path': '/',
      'url.scheme': 'http',
      'server.address': '127.0.0.1',
      'client.address': expect.stringContaining('127.0.0.1'),
      'http.response.status_code': 200,
    });
  });

  it('show an error where it began, and every span that it passed', async () => {
    const failing = endpoint({ db: Depends(getDb) }, function failing({ backgroundTasks }) {
      backgroundTasks.addTask(notify);
      throw new RangeError('failed');
    });
    await ask(framework.app().use(layer).at('/', failing));
    expect(spans.tree).toEqual([
      'SERVER GET 500 error RangeError (callnext.report)',
      '  middleware timing error RangeError',
      '    native code error RangeError',
      '      dependency getDb',
      '      endpoint failing error RangeError (exception)',
      '  dependency exit getDb',
    ]);
    expect(spans.named('dependency exit getDb').attributes).toMatchObject({
      'callnext.dependency.thrown': 'RangeError',
    });
    expect(spans.named('GET').events[0]?.attributes).toMatchObject({
      'callnext.report.phase': 'background',
      'callnext.report.name': 'notify',
    });
  });

  it('take a status below 500 for an answer', async () => {
    const missing = endpoint({ db: Depends(getDb) }, function missing() {
      throw new HTTPException(404);
    });
    await ask(framework.app().use(layer).at('/', missing));
    expect(spans.tree).toEqual([
      'SERVER GET 404',
      '  middleware timing',
      '    native code',
      '      dependency getDb',
      '      endpoint missing',
      '  dependency exit getDb',
    ]);
  });

  it('show a failed exit and the task that it drops, after the response', async () => {
    async function* getTransaction() {
      yield 1;
      throw new TypeError('commit failed');
    }
    const write = endpoint({ transaction: Depends(getTransaction) }, function write({ backgroundTasks }) {
      backgroundTasks.addTask(notify);
      return 1;
    });
    await ask(framework.app().use(layer).at('/', write));
    expect(spans.tree).toEqual([
      'SERVER GET 200',
      '  middleware timing',
      '    native code',
      '      dependency getTransaction',
      '      endpoint write',
      '  dependency exit getTransaction error TypeError (exception)',
      '  task notify',
    ]);
    expect(spans.named('task notify').attributes).toMatchObject({ 'callnext.task.dropped': true });
  });

  it('last as long as a stream, and show that its producer failed', async () => {
    const stream = endpoint({ db: Depends(getDb) }, function stream() {
      return new StreamingResponse(
        (async function* () {
          yield 'a';
          throw new RangeError('torn');
        })(),
      );
    });
    instrumentation.setConfig({ send: true });
    await ask(framework.app().use(layer).at('/', stream)).catch(() => undefined);
    await layer.close();
    expect(spans.tree).toEqual([
      expect.stringMatching(/^SERVER GET 200 error RangeError( \(callnext.report\))?$/),
      '  middleware timing',
      '    native code',
      '      dependency getDb',
      '      endpoint stream',
      '  send error RangeError (exception)',
      '  dependency exit getDb',
    ]);
    expect(spans.named('GET').attributes).toMatchObject({ 'callnext.outcome': 'aborted' });
  });

  it('say that the client left, which is no error', async () => {
    const gone = new AbortController();
    const slow = endpoint({ db: Depends(getDb) }, async function slow({ request }) {
      const aborted = new Promise(resolve => request.signal.addEventListener('abort', resolve));
      gone.abort();
      await aborted;
      return 1;
    });
    await listening(framework.app().use(layer).at('/', slow).listener(), async url => {
      await expect(fetch(url, { signal: gone.signal })).rejects.toThrow();
      await layer.close();
    });
    expect(spans.tree).toEqual([
      expect.stringMatching(/^SERVER GET( 200)?$/),
      '  middleware timing',
      '    native code',
      '      dependency getDb',
      '      endpoint slow',
      '  dependency exit getDb',
    ]);
    expect(spans.named('GET').attributes).toMatchObject({ 'callnext.outcome': 'aborted' });
  });

  it('of native code nest under ours', async () => {
    const own = trace.getTracer('app');
    const app = framework
      .app()
      .use(layer)
      .handler('/', answer =>
        own.startActiveSpan('query', span => {
          span.end();
          answer.send('native');
        }),
      );
    await ask(app);
    expect(spans.tree).toEqual(['SERVER GET 200', '  middleware timing', '    native code', '      query']);
  });

  it('give tasks a trace of their own with a link, or nothing', async () => {
    const add = endpoint({}, function add({ backgroundTasks }) {
      backgroundTasks.addTask(new BackgroundTask(notify));
      return 1;
    });
    instrumentation.setConfig({ tasks: 'link', dependencies: false, endpoints: false, middleware: false });
    await ask(framework.app().use(layer).at('/', add));
    expect(spans.tree).toEqual(['SERVER GET 200', 'task notify']);
    const [link] = spans.named('task notify').links;
    expect(link?.context).toEqual(spans.named('GET').spanContext());
  });

  it('make none of a kind that is switched off, while code still runs under the request', async () => {
    const own = trace.getTracer('app');
    async function* getTracedDb() {
      own.startSpan('connect').end();
      yield 'db';
      own.startSpan('release').end();
    }
    const add = endpoint({ db: Depends(getTracedDb) }, function add({ backgroundTasks }) {
      backgroundTasks.addTask(() => own.startSpan('mail').end());
      return 1;
    });
    instrumentation.setConfig({ tasks: false, dependencies: false, endpoints: false, middleware: false });
    await ask(framework.app().use(layer).at('/', add));
    expect(spans.tree).toEqual(['SERVER GET 200', '  connect', '  release', '  mail']);
  });

  it('continue the trace of the client, with its baggage in every stage', async () => {
    const seen: string[] = [];
    const note = (where: string): void => {
      const baggage = propagation.getActiveBaggage();
      seen.push(`${where} ${baggage?.getEntry('tenant')?.value} ${baggage?.getEntry('user')?.value}`);
    };
    const identify: Middleware = async function identify(request, callNext) {
      const baggage = propagation.getActiveBaggage() ?? propagation.createBaggage();
      const identified = propagation.setBaggage(context.active(), baggage.setEntry('user', { value: 'ada' }));
      return context.with(identified, () => callNext(request));
    };
    async function* getDb() {
      note('enter');
      yield 1;
      note('exit');
    }
    const add = endpoint({ db: Depends(getDb) }, function add({ backgroundTasks }) {
      note('endpoint');
      backgroundTasks.addTask(() => note('task'));
      return 1;
    });
    layer.addMiddleware(identify);
    const headers = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      baggage: 'tenant=acme',
    };
    await ask(framework.app().use(layer).at('/', add), '/', headers);
    expect(seen).toEqual(['enter', 'endpoint', 'exit', 'task'].map(where => `${where} acme ada`));
    expect(spans.named('GET').parentSpanContext?.spanId).toBe('b7ad6b7169203331');
    expect(new Set(spans.all.map(span => span.spanContext().traceId)).size).toBe(1);
  });

  it('of two requests at once do not mix', async () => {
    const met = gate<void>();
    let arrived = 0;
    const meet = endpoint({ db: Depends(getDb) }, async function meet({ backgroundTasks }) {
      arrived += 1;
      if (arrived === 2) met.open();
      await met.opened;
      backgroundTasks.addTask(notify);
      return 1;
    });
    await listening(framework.app().use(layer).at('/', meet).listener(), async url => {
      await Promise.all([fetch(url).then(each => each.text()), fetch(url).then(each => each.text())]);
      await layer.close();
    });
    const tree = [
      'SERVER GET 200',
      '  middleware timing',
      '    native code',
      '      dependency getDb',
      '      endpoint meet',
      '  dependency exit getDb',
      '  task notify',
    ];
    expect(spans.tree).toEqual([...tree, ...tree]);
  });

  it('make no second SERVER span where there is one', async () => {
    const app = framework
      .app()
      .use(layer)
      .at(
        '/',
        endpoint({}, function read() {
          return 1;
        }),
      );
    const listener = app.listener();
    const http = trace.getTracer('http');
    const around: typeof listener = (req, res) =>
      http.startActiveSpan('HTTP', { kind: SpanKind.SERVER }, span => {
        res.once('close', () => span.end());
        listener(req, res);
      });
    await listening(around, async url => {
      await (await fetch(url)).text();
      await layer.close();
    });
    expect(spans.tree).toEqual([
      'SERVER HTTP',
      '  middleware timing',
      '    native code',
      '      endpoint read',
    ]);
  });

  it('end when their request is over, although what a timeout left still runs', async () => {
    const stuck = gate<void>();
    const over = gate<void>();
    const stop = subscribe({ settled: () => over.open() });
    const slow = new Layer({ middleware: [timing], timeout: 30, onError: () => undefined });
    const wait = endpoint({}, async function wait() {
      await stuck.opened;
    });
    await listening(framework.app().use(slow).at('/', wait).listener(), async url => {
      expect((await fetch(url)).status).toBe(504);
      await over.opened;
    });
    stop();
    expect(spans.tree).toEqual([
      'SERVER GET 504 error 504 (callnext.report)',
      '  middleware timing',
      '    native code',
      '      endpoint wait',
    ]);
    expect(spans.named('endpoint wait').attributes).toMatchObject({ 'callnext.abandoned': true });
    stuck.open();
  });

  it('end when the instrumentation is disabled in the middle of a request', async () => {
    const stop = endpoint({}, function stop() {
      instrumentation.disable();
      return 1;
    });
    expect(await ask(framework.app().use(layer).at('/', stop))).toBe('200 1');
    expect(spans.tree).toEqual([
      'SERVER GET',
      '  middleware timing',
      '    native code',
      '      endpoint stop',
    ]);
  });
});
