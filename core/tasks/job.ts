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
import { runThrough } from '../lifecycle/run-outside.js';
import { receivedArguments } from './arguments.js';
import type { TaskDefinition, TaskInfo } from './definition.js';
import { requestIdHeader } from './headers.js';

/** Which attempt a job is, and the trace of the request that added its task, in tests. */
export interface Attempt {
  readonly attempt: number;
  readonly attempts: number;
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

  constructor(definition: TaskDefinition, envelope: TaskEnvelope, { attempt, attempts, trace }: Attempt) {
    const { id, addedAt, headers } = envelope;
    const { name } = definition;
    this.name = name;
    this.#definition = definition;
    this.#envelope = envelope;
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
  async run(layers: readonly Surroundings[], lifespan?: LifespanContext): Promise<unknown> {
    const { timeoutMs = this.#definition.timeoutMs } = this.#envelope;
    // The tracing of the job names its endpoint after this function.
    const { [this.name]: work } = { [this.name]: (context: Values) => this.#handle(context) };
    const { dependencies } = this.#definition;
    const running = runThrough(this.exchange, layers, lifespan, dependencies, work as never);
    if (await within(timeoutMs, running)) return running;
    const late = misuse('TASK_TIMEOUT', this.name, timeoutMs);
    this.abort(late);
    if (await within(timeoutMs, running)) return running;
    running.catch(thrown => this.exchange.reports.tell(thrown, 'background', this.name));
    throw late;
  }

  async #handle(context: Values): Promise<unknown> {
    const args = await receivedArguments(this.#definition, this.#envelope.args);
    context.task = this.#info;
    this.exchange.trace?.add(`task ${this.name}`);
    return this.#definition.handler(context as never, args as never);
  }
}
