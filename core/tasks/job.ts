import type { TaskEnvelope } from '../background/task-queue.js';
import type { Values } from '../dependencies/dependency-run.js';
import { misuse } from '../errors.js';
import { Request } from '../http/request.js';
import type { RequestState } from '../http/request-init.js';
import { sharedOf } from '../http/request-parts.js';
import type { Trace } from '../http/shared.js';
import { Exchange } from '../lifecycle/exchange.js';
import { within } from '../lifecycle/in-flight.js';
import type { LifespanContext } from '../lifecycle/lifespan.js';
import { NoRequest } from '../lifecycle/no-request.js';
import type { Surroundings } from '../lifecycle/place.js';
import { inStage, runThrough } from '../lifecycle/run-outside.js';
import type { Stage } from '../tracing/stage.js';
import type { Tracing } from '../tracing/tracing.js';
import { receivedArguments } from './arguments.js';
import type { TaskDefinition, TaskInfo } from './definition.js';
import { requestIdHeader } from './headers.js';

/** Which attempt a job is, and where it comes from. */
export interface Attempt {
  readonly attempt: number;
  readonly attempts: number;
  /** The name of its queue. */
  readonly queue?: string;
  /** The key of the request that runs it in its own place. */
  readonly addedBy?: object | undefined;
  /** The trace of the request that added its task, in tests. */
  readonly trace?: Trace | undefined;
}

/** One attempt of a task, in the order of a request without middleware and response. */
export class Job {
  readonly name: string;
  readonly exchange: Exchange;
  readonly #definition: TaskDefinition;
  readonly #envelope: TaskEnvelope;
  readonly #source: NoRequest;
  readonly #info: TaskInfo;
  readonly #from: Attempt;

  constructor(definition: TaskDefinition, envelope: TaskEnvelope, from: Attempt) {
    const { attempt, attempts, trace } = from;
    const { id, addedAt, headers } = envelope;
    const { name } = definition;
    this.name = name;
    this.#definition = definition;
    this.#envelope = envelope;
    this.#from = from;
    const source = new NoRequest(`task ${name}`, headers);
    this.#source = source;
    const { signal } = source;
    this.#info = Object.freeze({ id, name, attempt, attempts, addedAt: new Date(addedAt), signal });
    const request = new Request(source);
    if (trace) sharedOf(request).trace = trace;
    const state: RequestState = request.state;
    state.task = this.#info;
    const requestId = headers?.[requestIdHeader];
    if (requestId !== undefined) state.requestId = requestId;
    this.exchange = new Exchange(request, undefined, `task ${name}`);
  }

  /** Aborts `task.signal`. */
  abort(reason: Error): void {
    this.#source.abort(reason);
  }

  /**
   * Runs the task inside layers, the outermost first, to its last exit and its last task. Resolves with the
   * result of its handler. Rejects with its failure, and with `TASK_TIMEOUT` after twice its time, although
   * it may still be running.
   */
  run(layers: readonly Surroundings[], lifespan?: LifespanContext): Promise<unknown> {
    // An attempt that is given up has ended for those who watch, even if it never ends.
    return inStage(
      this.exchange,
      tracing => this.#stage(tracing),
      () => this.#runInTime(layers, lifespan),
    );
  }

  async #runInTime(layers: readonly Surroundings[], lifespan: LifespanContext | undefined): Promise<unknown> {
    const { timeoutMs = this.#definition.timeoutMs } = this.#envelope;
    const { dependencies } = this.#definition;
    // Named after the task, as its stage is.
    const { [this.name]: handler } = { [this.name]: (context: Values) => this.#handle(context) };
    const work = handler as typeof handler & object;
    const running = runThrough(this.exchange, layers, lifespan, dependencies, work);
    if (await within(timeoutMs, running)) return running;
    const late = misuse('TASK_TIMEOUT', this.name, timeoutMs);
    this.abort(late);
    if (await within(timeoutMs, running)) return running;
    running.catch(thrown => this.exchange.reports.tell(thrown, 'background', this.name));
    throw late;
  }

  #stage(tracing: Tracing): Stage {
    const { headers } = this.#envelope;
    const { attempt, queue, addedBy } = this.#from;
    const envelope = { ...this.#envelope, headers: { ...headers } };
    return tracing.begin('task', this.name, { envelope, attempt, queue, addedBy });
  }

  async #handle(context: Values): Promise<unknown> {
    const args = await receivedArguments(this.#definition, this.#envelope.args);
    context.task = this.#info;
    this.exchange.trace?.add(`task ${this.name}`);
    return this.#definition.handler(context as never, args as never);
  }
}
