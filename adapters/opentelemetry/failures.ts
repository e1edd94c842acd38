import { type Span, SpanStatusCode } from '@opentelemetry/api';
import { classOf, isExpected, type StageEvent, toError } from '../../core/adapter.js';
import { attributes } from './attributes.js';

/** Records the errors of a request: each passes many stages, and is recorded at the first. */
export class Failures {
  readonly #recorded = new WeakSet<Error>();

  /** A stage has failed. An error below 500 is an answer, not a failure. */
  record(span: Span, thrown: unknown): void {
    const error = toError(thrown);
    if (isExpected(error)) return;
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    span.setAttribute(attributes.errorType, classOf(error));
    if (this.#recorded.has(error)) return;
    this.#recorded.add(error);
    span.recordException(error);
  }

  /** Sets the outcome of a SERVER span: a status below 500 leaves its own status unset. */
  answer(span: Span, { status, outcome, error }: StageEvent): void {
    if (status !== undefined) span.setAttribute(attributes.status, status);
    if (outcome === 'aborted') span.setAttribute(attributes.outcome, outcome);
    if (error !== undefined && (status === undefined || status >= 500 || outcome === 'aborted'))
      this.record(span, error);
    else if (status !== undefined && status >= 500) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute(attributes.errorType, String(status));
    }
  }
}
