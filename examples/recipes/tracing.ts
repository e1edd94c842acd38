// OpenTelemetry: a SERVER span for each request, named by its route, with the app's own spans inside it.
import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { Depends, endpoint, Layer, type Middleware } from 'callnext';
import { backgroundTasks, inject, toExpress } from 'callnext/express';
import express from 'express';

// Yours: a BatchSpanProcessor with the exporter of your backend.
export const exporter = new InMemorySpanExporter();
const spanProcessors = [new SimpleSpanProcessor(exporter)];
new NodeTracerProvider({ spanProcessors }).register();

const tracer = trace.getTracer('shop');

const traceRequests: Middleware = (request, callNext) => {
  const { method, path, headers } = request;
  const options = {
    kind: SpanKind.SERVER,
    attributes: { 'http.request.method': method, 'url.path': path },
  };
  // The caller's span, from the header `traceparent`.
  const parent = propagation.extract(
    context.active(),
    Object.fromEntries(headers),
  );
  return tracer.startActiveSpan(method, options, parent, async span => {
    try {
      const response = await callNext();
      span.setAttribute('http.response.status_code', response.status);
      if (response.status >= 500)
        span.setStatus({ code: SpanStatusCode.ERROR });
      return response;
    } catch (error) {
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error; // the framework answers with a 500
    } finally {
      const { req } = request.raw as { req: express.Request };
      if (req.route) {
        const route = req.baseUrl + req.route.path;
        span.updateName(`${method} ${route}`);
        span.setAttribute('http.route', route);
      }
      span.end();
    }
  });
};

/** A span from the start of the transaction to its commit or rollback. */
async function* getTransaction() {
  const span = tracer.startSpan('transaction');
  try {
    yield { find: (id: string) => ({ id }) };
  } catch (error) {
    span.recordException(error as Error);
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
const transaction = Depends(getTransaction, { scope: 'function' });

const readItem = endpoint({ transaction }, ({ transaction, request }) =>
  transaction.find(request.pathParams.id ?? ''),
);

function sendMail() {
  tracer.startSpan('send mail').end();
}

const layer = new Layer({ middleware: [traceRequests] });

export const app = express();
app.set('env', 'test');
app.use(toExpress(layer));
app.get('/items/:id', toExpress(readItem));
app.post('/orders/:id', async (req, res) => {
  const { find } = await inject(req, transaction);
  tracer.startSpan('native handler').end();
  backgroundTasks(req).addTask(sendMail);
  if (req.query.fail) throw new Error('out of stock');
  res.status(201).json(find(req.params.id));
});
