import { type Context, context, type Link, type Span, type Tracer, trace } from '@opentelemetry/api';
import { classOf, isMisuse, type ReportEvent, type StageEvent } from '../../core/adapter.js';
import { attributes } from './attributes.js';
import { Failures } from './failures.js';
import { metadataOf, nameAfterRoute } from './http-route.js';
import { creationContext, inject, type MessageSpan, processSpan, sendSpan } from './messaging.js';
import type { CallnextInstrumentationOptions } from './options.js';
import { startServerSpan } from './server-span.js';
import { attributesOf, isUnderRequest, isWanted, nameOf } from './stage-span.js';

type Options = Required<CallnextInstrumentationOptions>;

/** The spans in which dependencies were entered: an exit links to its own. */
const entered = new WeakMap<object, Span>();

/** The spans of one request, or of one function outside a request. */
export class RequestSpans {
  readonly #tracer: Tracer;
  readonly #options: Options;
  readonly #failures = new Failures();
  readonly #open = new Map<StageEvent, Span>();
  readonly #metadata = metadataOf();
  readonly #method: string;
  /** The request's span: ours, or one that was there before. */
  #root: Span | undefined;

  constructor(tracer: Tracer, options: Options, { request }: StageEvent) {
    this.#tracer = tracer;
    this.#options = options;
    this.#method = request.method;
    this.#root = localSpan();
  }

  /** A stage begins. Returns the context for it, if that is not the one around it. */
  start(event: StageEvent, addedBy?: RequestSpans): Context | undefined {
    if (event.stage === 'request') return this.#startRequest(event);
    if (event.stage === 'task' && event.envelope) return this.#startJob(event, addedBy);
    const around = this.#contextFor(event);
    if (around === undefined) return undefined;
    if (event.stage === 'enqueue') return this.#startSend(event, around);
    if (!isWanted(event, this.#options)) return isUnderRequest(event) ? around : undefined;
    return this.#startTask(event, around);
  }

  /** A stage has ended. */
  end(event: StageEvent): void {
    const { stage, route, error } = event;
    if (route !== undefined && this.#root) nameAfterRoute(this.#root, this.#metadata, this.#method, route);
    const span = this.#open.get(event);
    if (span === undefined) return;
    this.#open.delete(event);
    if (stage === 'request') this.#failures.answer(span, event);
    else if (error !== undefined) this.#failures.record(span, error);
    if (stage === 'send' && event.outcome) span.setAttribute(attributes.outcome, event.outcome);
    span.end();
  }

  /** Adds an error that no response carries. A task dropped after the span of the request gets its own. */
  report({ error, phase, name }: ReportEvent): void {
    const root = this.#root;
    if (root?.isRecording())
      root.addEvent('callnext.report', {
        [attributes.phase]: phase,
        [attributes.exceptionType]: classOf(error),
        [attributes.exceptionMessage]: error.message,
        ...(name === undefined ? {} : { [attributes.reportedName]: name }),
      });
    else if (root && isMisuse(error, 'TASK_DROPPED') && this.#options.tasks !== false) {
      const dropped = { attributes: { [attributes.dropped]: true } };
      this.#tracer.startSpan(`task ${name}`, dropped, trace.setSpan(context.active(), root)).end();
    }
  }

  /** The request is over: what still runs has been abandoned, and may never end. */
  abandon(): void {
    for (const span of this.#open.values()) {
      span.setAttribute(attributes.abandoned, true);
      span.end();
    }
    this.#open.clear();
  }

  #startRequest(event: StageEvent): Context | undefined {
    const isRun = event.kind === 'run';
    if (!isRun && (this.#root || !this.#options.server)) return undefined;
    const around = context.active();
    const started = isRun
      ? { span: this.#tracer.startSpan(event.name, { attributes: attributesOf(event) }, around), around }
      : startServerSpan(this.#tracer, event);
    this.#root = started.span;
    return this.#opened(event, started.span, started.around);
  }

  #startTask(event: StageEvent, around: Context): Context {
    const root = event.stage === 'task' && this.#options.tasks === 'link';
    const links = this.#linksOf(event);
    const span = this.#tracer.startSpan(
      nameOf(event),
      { attributes: attributesOf(event), links, root },
      around,
    );
    return this.#opened(event, span, around);
  }

  /** The worker continues from here, even if nothing has a span here. */
  #startSend(event: StageEvent, around: Context): Context {
    const entered = isWanted(event, this.#options) ? this.#started(event, sendSpan(event, around)) : around;
    inject(event, entered);
    return entered;
  }

  /** A durable task begins: in a worker, or in the place of the request that has added it. */
  #startJob(event: StageEvent, addedBy: RequestSpans | undefined): Context | undefined {
    const { tasks, durableTasks } = this.#options;
    if (addedBy) {
      this.#root = addedBy.#root;
      const around = this.#contextFor(event);
      if (around === undefined || tasks === false) return around;
      const entered = this.#startTask(event, around);
      this.#root = this.#open.get(event);
      return entered;
    }
    if (!durableTasks) return creationContext(event);
    return this.#started(event, processSpan(event, durableTasks));
  }

  #started(event: StageEvent, { name, options, around }: MessageSpan): Context {
    const span = this.#tracer.startSpan(name, options, around);
    if (event.stage === 'task') this.#root = span;
    return this.#opened(event, span, around);
  }

  /** Keeps the rest of the active context, such as its baggage. */
  #contextFor(event: StageEvent): Context | undefined {
    const active = context.active();
    if (this.#root === undefined) return undefined;
    // The active span has ended where the code runs in the context of a middleware that has.
    const isOver = localSpan()?.isRecording() !== true;
    return isOver || isUnderRequest(event) ? trace.setSpan(active, this.#root) : active;
  }

  #opened(event: StageEvent, span: Span, around: Context): Context {
    this.#open.set(event, span);
    if (event.stage === 'dependency.enter' && event.dependency) entered.set(event.dependency, span);
    return trace.setSpan(around, span);
  }

  #linksOf({ stage, dependency }: StageEvent): Link[] {
    const linked =
      stage === 'task' && this.#options.tasks === 'link'
        ? this.#root
        : stage === 'dependency.exit' && dependency && entered.get(dependency);
    return linked ? [{ context: linked.spanContext() }] : [];
  }
}

/** The active span, unless it is that of another process. */
function localSpan(): Span | undefined {
  const span = trace.getActiveSpan();
  return span?.spanContext().isRemote === true ? undefined : span;
}
