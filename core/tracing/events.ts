import type { TaskEnvelope } from '../background/task-queue.js';
import type { Request } from '../http/request.js';
import type { Response } from '../http/response.js';

/** The stages of a request. Each has a channel: `callnext.request`, `callnext.dependency.enter`, … */
export type StageName =
  | 'request'
  | 'middleware'
  | 'dependency.enter'
  | 'dependency.exit'
  | 'endpoint'
  | 'send'
  | 'task'
  | 'enqueue';

/** What a stage is, where one channel has several kinds. */
export type StageKind = 'http' | 'run' | 'endpoint' | 'native';

/** A durable task with headers that travel to its worker, such as `traceparent`. */
export interface TracedEnvelope extends TaskEnvelope {
  readonly headers: Record<string, string>;
}

/**
 * What `callnext.request` and the other channels of stages publish: one object for all events of one stage.
 * Values of dependencies are not in it.
 */
export interface StageEvent {
  readonly stage: StageName;
  /** The method of the request, or the name of the middleware, the dependency, the endpoint or the task. */
  readonly name: string;
  /** The same object for all stages of a request: a key for a `WeakMap`. It has no properties. */
  readonly exchange: object;
  /** The request as this stage sees it, with what the middleware outside has changed. */
  readonly request: Request;
  /** The layer in which the stage begins: 0 for the outermost one. */
  readonly layer: number;
  /**
   * `http` or `run` for a request: that of a client, or a function given to `layer.run`. `endpoint` or
   * `native` for an endpoint: an endpoint or such a function, or the native code below a layer.
   */
  readonly kind?: StageKind | undefined;
  /** The same object for the enter and the exit of a dependency. It has no properties either. */
  readonly dependency?: object | undefined;
  /** The scope of a dependency. */
  readonly scope?: 'function' | 'request' | 'background' | 'app' | undefined;
  /** A durable task that is stored or run. A subscriber of `callnext.enqueue` may add to its `headers`. */
  readonly envelope?: TracedEnvelope | undefined;
  /** The name of the queue that stores it. */
  readonly queue?: string | undefined;
  /** Which attempt to run it this is, from 1. */
  readonly attempt?: number | undefined;
  /** The request that has added it, if it runs in its place, without a queue: the `exchange` of that one. */
  readonly addedBy?: object | undefined;
  /** What is thrown into a dependency that exits. */
  readonly thrown?: Error | undefined;
  /** The response, once there is one. */
  response?: Response | undefined;
  /** How the sending ended: `sent`, or `aborted` because the connection was gone. */
  outcome?: 'sent' | 'aborted' | undefined;
  /** The template of the matched route, such as `/items/:id`, once it is known. */
  route?: string | undefined;
  /** Whether native code has passed the request on to an endpoint or an inner layer. */
  passedOn?: true | undefined;
  /** The status of the response, or of what the framework has answered in its place. */
  status?: number | undefined;
  /** What the stage has failed with. A value that is not an `Error` is its `cause`. */
  error?: Error | undefined;
}

/** What `callnext.report` publishes: what `onError` receives. */
export interface ReportEvent {
  readonly exchange: object;
  readonly request: Request;
  readonly error: Error;
  readonly phase: 'request' | 'response' | 'exit' | 'background';
  /** The background task or dependency that failed, if known. */
  readonly name: string | undefined;
}

/** What `callnext.settled` publishes when the last task of a request has run. */
export interface SettledEvent {
  readonly exchange: object;
  readonly request: Request;
}
