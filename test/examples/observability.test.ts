import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-node';
import { TestClient } from 'callnext/testing';
import { app } from '../../examples/observability/app.js';
import { printSlowStages } from '../../examples/observability/slow-stages.js';
import { startTracing } from '../../examples/observability/tracing.js';

const exporter = new InMemorySpanExporter();
const traceId = '0af7651916cd43dd8448eb211c80319c';
const caller = 'b7ad6b7169203331';
let client: TestClient;
let instrumentations: ReturnType<typeof startTracing>;

beforeAll(() => {
  instrumentations = startTracing(exporter);
  client = new TestClient(app, { settle: true });
});

afterAll(async () => {
  await client.close();
  for (const instrumentation of instrumentations) instrumentation.disable();
  trace.disable();
  context.disable();
  propagation.disable();
});

/** The finished spans of a call, each with the name of its parent, sorted. */
async function spansOf(path: string, init: Parameters<TestClient['fetch']>[1]): Promise<unknown[]> {
  exporter.reset();
  const headers = { traceparent: `00-${traceId}-${caller}-01` };
  await client.fetch(path, { ...init, headers });
  const spans = exporter.getFinishedSpans();
  expect(new Set(spans.map(span => span.spanContext().traceId))).toEqual(new Set([traceId]));
  const names = new Map(spans.map(span => [span.spanContext().spanId, span.name]));
  const lines = spans.map(({ name, parentSpanContext, status }) => {
    const parent = parentSpanContext?.spanId ?? '';
    const of = parent === caller ? 'the caller' : names.get(parent);
    return `${name} of ${of}${status.code === SpanStatusCode.ERROR ? ' failed' : ''}`;
  });
  return lines.sort();
}

it('traces an endpoint and its dependency in the span of the request', async () => {
  expect(await spansOf('/items/1', {})).toEqual([
    'GET /items/:id of the caller',
    'dependency exit getTransaction of GET /items/:id',
    'dependency getTransaction of native code',
    'endpoint readItem of native code',
    'middleware audit of middleware serverTiming',
    'middleware serverTiming of GET /items/:id',
    'native code of middleware audit',
  ]);
  const server = exporter.getFinishedSpans().find(({ kind }) => kind === SpanKind.SERVER);
  expect(server?.attributes).toMatchObject({
    'http.request.method': 'GET',
    'http.response.status_code': 200,
    'http.route': '/items/:id',
    'url.path': '/items/1',
  });
});

it('traces a native handler, its dependency and its background task', async () => {
  expect(await spansOf('/orders/1', { method: 'POST' })).toEqual([
    'POST /orders/:id of the caller',
    'dependency exit getTransaction of POST /orders/:id',
    'dependency getTransaction of native code',
    'middleware audit of middleware serverTiming',
    'middleware serverTiming of POST /orders/:id',
    'native code of middleware audit',
    'task sendMail of POST /orders/:id',
  ]);
});

it('marks the spans that an error passes', async () => {
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  expect(await spansOf('/orders/1?fail=1', { method: 'POST' })).toEqual([
    'POST /orders/:id of the caller failed',
    'dependency exit getTransaction of POST /orders/:id',
    'dependency getTransaction of native code',
    'middleware audit of middleware serverTiming failed',
    'middleware serverTiming of POST /orders/:id failed',
    'native code of middleware audit failed',
  ]);
  jest.restoreAllMocks();
});

it('names the span of an unknown path by its method', async () => {
  expect(await spansOf('/nowhere', {})).toContain('GET of the caller');
});

it('prints the stages that take long or fail, and what is reported', async () => {
  const printed: string[] = [];
  jest.spyOn(console, 'log').mockImplementation((...line) => void printed.push(line.map(String).join(' ')));
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  const stop = printSlowStages(0);
  await client.get('/items/1');
  await client.post('/orders/1?fail=1');
  stop();
  jest.restoreAllMocks();
  expect(printed.map(line => line.replace(/\d+ ms/, '0 ms'))).toEqual(
    expect.arrayContaining([
      'endpoint readItem took 0 ms',
      'endpoint native code failed: Error: out of stock',
      expect.stringMatching(/^reported background sendMail: The background task `sendMail` was dropped/),
    ]),
  );
});
