import type { Files } from '../http/files.js';
import type { Headers } from '../http/headers.js';
import type { Response } from '../http/response.js';

/** How the sending of a response ended. */
export interface Delivery {
  /** `sent`: to its last byte; `aborted`: the connection was gone before. */
  readonly outcome: 'sent' | 'aborted';
  /**
   * The error of the body's producer. The connection is then cut, never ended as if the response were
   * complete.
   */
  readonly error?: Error | undefined;
  /** The status of the framework's answer to an exception, once it is out. */
  readonly status?: number | undefined;
}

/** Native code that is still running after it answered. */
export interface NativeWork {
  /** Resolves when the answer may be sent: with `false` if the code waits for that. */
  answerMayGo(): Promise<boolean>;
  /**
   * Resolves when the code has ended, or is given up because it waits for an event that a finished response
   * never emits.
   */
  end(): Promise<void>;
  /** Whether the code is still running. An end in this turn is seen one microtask later. */
  isAtWork(): boolean;
}

/** The port that an adapter implements: where the outcome of a request goes. */
export interface Transport {
  /**
   * Sends the response. Resolves when its last byte is handed over or the connection is gone; never rejects.
   */
  send(response: Response): Promise<Delivery>;
  /**
   * Hands an exception that nobody handled to the framework. Resolves when the framework's answer is out;
   * never rejects. That answer gets the `headers` that it does not set itself.
   */
  fail(error: Error, headers: Headers | undefined): Promise<Delivery>;
  /** The native code below the innermost layer that may still use its dependencies after it answered. */
  nativeWork?(): NativeWork | undefined;
  /** Calls `tell` once if native code writes to its response from now on. */
  whenWritten?(tell: () => void): void;
  /**
   * Closes streamed bodies that were written to the native response and will not be sent. Resolves when they
   * have closed, and never rejects.
   */
  closeBodies?(): Promise<unknown> | undefined;
  /** Reads files; without it, a `FileResponse` cannot be sent. */
  readonly files?: Files;
  /** Releases what was kept for the request, after its last background task. A rejection is reported. */
  release?(): Promise<void> | undefined;
}
