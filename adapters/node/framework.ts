import type { AppRoutes, Client, MountPaths, ParsedBody, Route, RouterParams } from '../../core/adapter.js';
import type { Target } from './target.js';

/**
 * What an adapter tells of its framework: how it treats native code, and what it knows of one request beyond
 * Node.
 */
export interface Framework {
  /** Whose native code the request goes through. */
  readonly kind: 'node' | 'koa';
  /** Whether its error handling runs in the async context in which it is given an error. */
  readonly keepsContext: boolean;
  /** Whether it awaits the native code that is at work, which then ends although the client has gone. */
  readonly awaitsNative: boolean;
  /** Whether it treats a thrown value as a signal, such as `next('route')`. */
  isSignal(thrown: unknown): boolean;
  /** The answer that native code has given by itself is taken back: the framework is to answer. */
  answerTakenBack?(): void;

  /** The native objects that users of the framework know. */
  readonly raw: unknown;
  /** That of the connection, or of a trusted proxy; never the one that a target names. */
  readonly scheme: string;
  /** The host as it was sent, as far as a proxy in front is trusted to name it. */
  readonly host: string | undefined;
  /** The path and the query that the framework routes by now, with the path of the mounts around. */
  readonly target: Target;
  /** The target as the client has sent it. */
  readonly asked: string;
  /** The target as native code sees it now: while it stays the same, so does `target`. */
  readonly nativeTarget: string;
  /** A middleware has given the request another target, from which the mounts take away their path now. */
  targetChanged?(target: string): void;
  /** The route that has matched, where the framework tells it. */
  readonly route?: Route | undefined;
  /** Reads the routes of an app or a router, as `RequestSource` has it. */
  routesOf?(root: object, mounts: MountPaths): AppRoutes | undefined;
  readonly pathParams: RouterParams;
  /** The peer, as far as a proxy in front is trusted to name it. */
  readonly client: Client | null;
  /** Where the framework's body parsers put their result; its value is `undefined` if there is none. */
  readonly parsedBody: ParsedBody;
  /** Replaces that result, or removes it, when the body has been changed. */
  setParsedBody(value: unknown): void;
}
