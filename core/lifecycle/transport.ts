import type { Files } from '../http/files.js';
import type { Headers } from '../http/headers.js';
import type { Response } from '../http/response.js';

/** How the sending of a response ended. */
export interface Delivery {
  /** `sent`: to its last byte; `aborted`: the connection was gone before. */
  readonly outcome: 'sent' | 'aborted';
  /**
   * What the producer of the body threw. The connection is then cut, never ended as if the response were
   * complete.
   */
  readonly error?: Error | undefined;
}

/** Native code that is still at work when it has answered. */
export interface NativeWork {
  /** Resolves when the answer may go on: with `false` where the code waits for its answer to be sent. */
  answerMayGo(): Promise<boolean>;
  /**
   * Resolves when the code has ended, or is given up: it waits for what a response that is over never gives.
   */
  end(): Promise<void>;
  /** Whether the code has not ended yet. What has ended in this turn is known one microtask later. */
  isAtWork(): boolean;
}

/** The port that an adapter implements: where the outcome of a request goes. */
export interface Transport {
  /**
   * Sends the response. Resolves when its last byte is handed over or the connection is gone; never rejects.
   */
  send(response: Response): Promise<Delivery>;
  /**
   * Gives an exception that nobody handled to the framework. Resolves when the framework's answer is out;
   * never rejects. `headers` are for that answer, whoever makes it: it gets those that it does not name.
   */
  fail(error: Error, headers: Headers | undefined): Promise<Delivery>;
  /**
   * The native code below the innermost layer that may still use its dependencies although it has answered.
   */
  nativeWork?(): NativeWork | undefined;
  /** Calls `tell` once if native code writes to its response from now on. */
  whenWritten?(tell: () => void): void;
  /**
   * Closes streamed bodies that were written to the native response and will not be sent. Resolves when they
   * have closed, and never rejects.
   */
  closeBodies?(): Promise<unknown> | undefined;
  /** How files are read; where there are none, a `FileResponse` cannot be sent. */
  readonly files?: Files;
  /**
   * All is over, to the last background task: what was kept for the request is let go. A rejection is
   * reported.
   */
  release?(): Promise<void> | undefined;
}
