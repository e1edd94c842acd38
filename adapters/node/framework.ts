import type { Client, ParsedBody, Route, RouterParams } from '../../core/adapter.js';
import type { Target } from './target.js';

/**
 * What an adapter knows about its framework: how it treats native code, and what it adds to a request of
 * Node.
 */
export interface Framework {
  /** The framework whose native code handles the request. */
  readonly kind: 'node' | 'koa';
  /** Whether its error handling runs in the async context in which it receives an error. */
  readonly keepsContext: boolean;
  /** Whether it awaits the running native code, which then ends even though the client has gone. */
  readonly awaitsNative: boolean;
  /** Whether it treats a thrown value as a signal, such as `next('route')`. */
  isSignal(thrown: unknown): boolean;
  /** Called when the answer of native code is taken back, so that the framework must answer. */
  answerTakenBack?(): void;

  /** The native objects that users of the framework know. */
  readonly raw: unknown;
  /** The scheme of the connection, or of a trusted proxy; never the one in a request target. */
  readonly scheme: string;
  /** The host as it was sent, or as a trusted proxy in front names it. */
  readonly host: string | undefined;
  /** The path and query that the framework routes by now, including the paths of the mounts. */
  readonly target: Target;
  /** The target as the client sent it. */
  readonly asked: string;
  /** The target as native code sees it now: while it stays the same, so does `target`. */
  readonly nativeTarget: string;
  /** Called when middleware changed the target; mounts now remove their path from the new one. */
  targetChanged?(target: string): void;
  /** The route that matched, if the framework exposes it. */
  readonly route?: Route | undefined;
  readonly pathParams: RouterParams;
  /** The peer, or the client that a trusted proxy in front names. */
  readonly client: Client | null;
  /** The result of the framework's body parsers, if it has any; its value is `undefined` if none ran. */
  readonly parsedBody: ParsedBody | undefined;
  /** Replaces that result, or removes it, when the body was changed. */
  setParsedBody(value: unknown): void;
}
