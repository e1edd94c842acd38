import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-node';

/** The SDK with an exporter in memory. */
export class Spans {
  readonly #exporter = new InMemorySpanExporter();
  /** The ids of the spans in the order they began: their times are not exact enough. */
  readonly #begun: string[] = [];
  readonly provider = new NodeTracerProvider({
    spanProcessors: [this.#noting(), new SimpleSpanProcessor(this.#exporter)],
  });

  constructor() {
    this.provider.register();
  }

  get all(): ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  named(name: string): ReadableSpan {
    const found = this.all.filter(span => span.name === name);
    if (found.length !== 1) throw new Error(`${found.length} spans are named "${name}": ${this.tree}`);
    return found[0] as ReadableSpan;
  }

  /** The spans, each indented below its parent, in the order they began. */
  get tree(): string[] {
    const known = new Set(this.all.map(span => span.spanContext().spanId));
    const roots = this.all.filter(({ parentSpanContext: parent }) => !parent || !known.has(parent.spanId));
    return roots.toSorted(this.#byStart).flatMap(span => this.#below(span, ''));
  }

  #below(span: ReadableSpan, indent: string): string[] {
    const { spanId } = span.spanContext();
    const children = this.all
      .filter(each => each.parentSpanContext?.spanId === spanId)
      .toSorted(this.#byStart);
    return [`${indent}${lineOf(span)}`, ...children.flatMap(child => this.#below(child, `${indent}  `))];
  }

  #byStart = (one: ReadableSpan, other: ReadableSpan): number =>
    this.#begun.indexOf(one.spanContext().spanId) - this.#begun.indexOf(other.spanContext().spanId);

  #noting(): SpanProcessor {
    return {
      onStart: span => void this.#begun.push(span.spanContext().spanId),
      onEnd: () => undefined,
      forceFlush: async () => undefined,
      shutdown: async () => undefined,
    };
  }

  reset(): void {
    this.#exporter.reset();
  }

  async shutdown(): Promise<void> {
    await this.provider.shutdown();
    trace.disable();
    context.disable();
    propagation.disable();
  }
}

/** A span as one line: its kind unless it is internal, its name, and what has gone wrong. */
function lineOf({ kind, name, status, attributes, events }: ReadableSpan): string {
  const { 'error.type': errorType, 'http.response.status_code': code } = attributes;
  const parts = [
    kind === SpanKind.INTERNAL ? undefined : SpanKind[kind],
    name,
    code,
    status.code === SpanStatusCode.ERROR ? `error ${errorType}` : undefined,
    ...events.map(event => `(${event.name})`),
  ];
  return parts.filter(part => part !== undefined).join(' ');
}
