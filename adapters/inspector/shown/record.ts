// What the server keeps of a request and sends to the page: names, times and failures, never values.

export type Stage =
  | 'middleware'
  | 'dependency'
  | 'endpoint'
  | 'native'
  | 'send'
  | 'exit'
  | 'task'
  | 'enqueue'
  | 'report';

/** The class and message of an error. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  /** The step that it came from, if that is another one. */
  readonly from?: string;
}

/** A stage of a request. Times are milliseconds since the request began. */
export interface Step {
  readonly stage: Stage;
  readonly name: string;
  scope?: string;
  /** The same number for the entry and the exit of a dependency. */
  dependency?: number;
  readonly at: number;
  /** Its place among all beginnings and ends. */
  readonly begun: number;
  /** The status of the response that the step ended with. */
  status?: number | undefined;
  to?: number;
  ended?: number;
  outcome?: 'sent' | 'aborted';
  failure?: Failure;
  /** What was thrown into a dependency at its `yield`. */
  thrownIn?: Failure;
  /** The code of a reported error, such as `TASK_DROPPED`. */
  code?: string;
}

/** One request. */
export interface RequestRecord {
  readonly id: number;
  readonly method: string;
  /** Without the query string, which may hold secrets. */
  readonly path: string;
  /** When it began, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly steps: Step[];
  route?: string;
  status?: number | undefined;
  /** What a function outside a request, or a durable task, has failed with. */
  failure?: Failure;
  /** How many steps came after the kept ones. */
  omitted: number;
  /** Whether its last background task has run. */
  isOver: boolean;
}

/** A dependency of scope `app`, from its entry to its exit, in milliseconds since 1970. */
export interface AppRecord {
  readonly id: number;
  readonly name: string;
  readonly enteredAt: number;
  /** How long it took to enter, in milliseconds. */
  took?: number;
  exitedAt?: number;
  failure?: Failure;
}

/** What the server sends: the records that have changed. */
export interface Batch {
  /** How many requests the server keeps. */
  readonly limit: number;
  /** Whether the page forgets what it has: the server has started anew. */
  readonly isFirst: boolean;
  readonly records: readonly RequestRecord[];
  readonly app: readonly AppRecord[];
  /** Requests to forget: those of the inspector itself. */
  readonly gone: readonly number[];
}
