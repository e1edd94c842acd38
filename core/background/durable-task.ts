/** By this symbol, so that two copies of the package understand each other. */
export const durable: unique symbol = Symbol.for('callnext.Task') as never;

/** Whether a task runs only after a successful request, or always. */
export type TaskCondition = 'success' | 'always';

declare const argsType: unique symbol;
declare const resultType: unique symbol;

/** How a durable task is sent now. */
export interface EnqueueOptions {
  /** A UUID by default. While the queue knows an id, it does not store it a second time. */
  id?: string;
  /** How long the task waits before its first attempt, in milliseconds. */
  delayMs?: number;
}

/** How a durable task is added to the tasks of a request. */
export interface AddTaskOptions extends EnqueueOptions {
  /** `always` also sends the task when its request fails; `success` by default. */
  when?: TaskCondition;
}

/** A durable task in the list of a request. */
export interface TaskToSend {
  readonly name: string;
  readonly when: TaskCondition;
  /** `host` is the request that owns the list; `undefined` in a list that no request has adopted. */
  send(host: object | undefined): Promise<void>;
}

/** The parts of durable tasks that the core calls, so that it need not load them. */
export interface TaskPort {
  /** Checks the arguments, and returns what sends the task. Throws `TASK_ARGUMENTS`. */
  entryOf(args: unknown, options: AddTaskOptions | undefined): TaskToSend;
  /** Sends the task for a request. Rejects with `TASK_ARGUMENTS` and `TASK_NOT_QUEUED`. */
  enqueue(host: object | undefined, args: unknown, options: EnqueueOptions | undefined): Promise<Enqueued>;
  /** Runs the task in a layer, at once. */
  runIn(layer: object, args: unknown): Promise<unknown>;
}

/** The receipt of a task that the queue has. */
export interface Enqueued {
  readonly id: string;
}

/** A task that a queue stores, created by `task(…)`. `Args` is what it is added with. */
export interface Task<in Args = never, out Result = unknown> {
  readonly [argsType]?: (args: Args) => void;
  readonly [resultType]?: Result;
  readonly [durable]: TaskPort;
  readonly name: string;
}

/** The arguments of `addTask` after a durable task; a task without arguments needs none. */
export type TaskArguments<Args, Options> = undefined extends Args
  ? [args?: Args, options?: Options]
  : [args: Args, options?: Options];
