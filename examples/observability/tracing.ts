// OpenTelemetry. The server imports this file before everything else.
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import {
  ConsoleSpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node';
import { callnextInstrumentation } from 'callnext/opentelemetry';

/** Yours: a `BatchSpanProcessor` with the exporter of your backend. */
export function startTracing(
  exporter: SpanExporter = new ConsoleSpanExporter(),
) {
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  new NodeTracerProvider({ spanProcessors }).register();
  return [new HttpInstrumentation(), callnextInstrumentation()];
}
