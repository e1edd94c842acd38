import type { Response } from '../../../core/adapter.js';
import type { Callback, NativeResponse } from '../node-types.js';
import { makeHead } from './framing.js';
import type { CapturedHead } from './head.js';
import type { HeaderSnapshot } from './header-snapshot.js';
import type { Listener, PreviousMethods } from './previous.js';
import type { Room } from './room.js';
import type { Origin, Tape } from './tape.js';
import type { TapeReader } from './tape-reader.js';

/**
 * - `open`: nobody has answered; the first call that makes a head is captured.
 * - `held`: there is a head; writes wait.
 * - `passing`: released, or never held; all calls go through.
 * - `replaced`: another response is sent; writes are dropped, unless that response is made from them.
 * - `bypassed`: the framework answers past the hold; later writes are dropped.
 */
export type StateName = 'open' | 'held' | 'passing' | 'replaced' | 'bypassed';

/** How far native code is with its answer. A destroyed response may still be ended later, without effect. */
export type Ending = 'none' | 'ended' | 'destroyed' | 'endedLate';

/** How far the hold is with writing its answer by the previous methods, which can be used only once. */
export type Output = 'none' | 'writing' | 'written';

/** The methods that a hold put on a response. */
export type Installed = Pick<NativeResponse, 'write' | 'end' | 'writeHead' | '_implicitHeader'>;

/**
 * What each call of native code does in one state: a column of the table in docs/internals/held-response.md.
 */
export interface Calls {
  readonly name: StateName;
  writeHead(hold: Held, status: number, reason: unknown, headers: unknown): void;
  implicitHeader(hold: Held): void;
  flushHeaders(hold: Held): void;
  write(hold: Held, chunk: unknown, encoding: unknown, callback: unknown): boolean;
  end(hold: Held, chunk: unknown, encoding: unknown, callback: unknown): NativeResponse;
  /** Not a method of Node: compression adds `res.flush`. */
  flush(hold: Held): void;
  cork(hold: Held): void;
  uncork(hold: Held): void;
  destroy(hold: Held, error: Error | undefined): NativeResponse;
  send(hold: Held, data: unknown, encoding: unknown, callback: unknown, byteLength: unknown): boolean;
  on(hold: Held, event: string | symbol, listener: Listener): NativeResponse;
}

/**
 * What applies when another response is sent: the headers that stay, and whether native code has yet to
 * answer.
 */
export interface Substitute {
  readonly base: HeaderSnapshot | undefined;
  readonly downstreamRuns: boolean;
}

/** A hold, as its states see it. */
export interface Held {
  readonly res: NativeResponse;
  readonly previous: PreviousMethods;
  readonly head: CapturedHead;
  readonly tape: Tape;
  /** The middleware's reader, once it has looked at the body. */
  readonly reader: TapeReader | undefined;
  readonly room: Room;
  calls: Calls;
  ending: Ending;
  output: Output;
  readonly substitute: Substitute;
  /** The next hold outside: the foreign methods lie between it and this one. */
  readonly outer: Held | undefined;
  /** The methods that the hold installed, to detect whether they were patched since. */
  readonly installed: Installed | undefined;
  /** The slot to empty when the hold steps aside, if the outer methods are shared by all responses. */
  readonly slot: { hold: object | undefined } | undefined;
  /** The number of streams that had been piped into the response before. */
  readonly firstSource: number;
  /** The response that native code has started, once something has asked for it. */
  readonly viewed: Response | undefined;
  /** Called when native code needs something from the wire: a callback, room, or the head to be sent. */
  readonly onAwaited: (() => void) | undefined;
  /** Called when native code answers although another response is sent. */
  readonly onLateAnswer: (() => void) | undefined;
  /** Called once when native code itself writes, as opposed to a method that patched the response. */
  onWritten: (() => void) | undefined;
  /** Makes the head of native code by this call. */
  makeHead(by: Origin): void;
  /** Captures the head that native code makes. */
  capture(status: number, reason: unknown, headers: unknown): void;
  /** Lets all calls through. */
  passed(): void;
  /** Sends what is held, as it was written. */
  release(): void;
  /** Drops the tape, unless something may read it: a response may last for hours. */
  played(): void;
  /** Drops what was held, for `replaced` or `bypassed`. */
  turn(calls: Calls): void;
  /** Drops later writes; earlier ones are still sent. */
  willBeDestroyed(reason?: Error): void;
  /** Runs after the release, or at once if nothing is held. */
  afterRelease(action: () => void): void;
  readonly hasAfterwards: boolean;
  runAfterwards(): void;
}

/** Returns the outer hold nearest to the wire that is writing: the current calls are its own. */
export function writerOutside(hold: Held): Held | undefined {
  let found: Held | undefined;
  for (let each = hold.outer; each; each = each.outer) if (each.output === 'writing') found = each;
  return found;
}

/** Reports once that native code itself writes, as opposed to a method that patched the response. */
export function tellWritten(hold: Held, method: 'write' | 'end'): void {
  const tell = hold.onWritten;
  if (tell === undefined || hold.output === 'writing' || hold.res[method] !== hold.installed?.[method])
    return;
  hold.onWritten = undefined;
  tell();
}

/**
 * Adds a listener. Foreign middleware may redirect `drain` listeners (compression does), and would then hide
 * the events of the hold from them.
 */
export function listenForRoom(hold: Held, event: string | symbol, listener: Listener): NativeResponse {
  if (event !== 'drain') return hold.previous.on.call(hold.res, event, listener) as NativeResponse;
  hold.room.listen(listener);
  return hold.res;
}

type Method = (...args: never[]) => unknown;

/** Calls a method without trailing arguments that were not given: the previous method may count them. */
export function callWith(method: Method, res: NativeResponse, a: unknown, b: unknown, c: unknown): unknown {
  if (c !== undefined) return method.call(res, a as never, b as never, c as never);
  if (b !== undefined) return method.call(res, a as never, b as never);
  return a === undefined ? method.call(res) : method.call(res, a as never);
}

/**
 * Calls `write` or `end` without arguments that were not given: methods with only two parameters
 * (compression) pass on no more.
 */
export function give(
  method: Method,
  res: NativeResponse,
  chunk: unknown,
  encoding: unknown,
  callback: Callback | undefined,
): unknown {
  if (chunk === undefined) return callWith(method, res, callback, undefined, undefined);
  if (encoding === undefined) return callWith(method, res, chunk, callback, undefined);
  return callWith(method, res, chunk, encoding, callback);
}

/** Calls the previous `writeHead` with the original arguments. */
export function passHead({ res, previous }: Held, status: number, reason: unknown, headers: unknown): void {
  makeHead(res, callWith, [previous.writeHead, res, status, reason, headers]);
}
