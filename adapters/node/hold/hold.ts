import { AsyncResource } from 'node:async_hooks';
import { misuse, type Response, toError } from '../../../core/adapter.js';
import type { NativeResponse } from '../node-types.js';
import type { BodyProducer } from '../response/body-producer.js';
import { bypassed } from './bypassed.js';
import type { Calls, Ending, Held, Installed, Output, StateName, Substitute } from './calls.js';
import { attachHeaders } from './detached-headers.js';
import { CapturedHead } from './head.js';
import { held } from './held.js';
import { open } from './open.js';
import { passing } from './passing.js';
import { followPipes } from './piped-sources.js';
import { playMarks } from './play.js';
import type { PreviousMethods } from './previous.js';
import { callBackAtFinish } from './record.js';
import { releaseTape } from './release.js';
import { replaced } from './replaced.js';
import { dropCorks, replaceBy, sink } from './replacement.js';
import { drainListeners, Room } from './room.js';
import type { Slot } from './slot.js';
import { type Origin, Tape } from './tape.js';
import { readerOf, type TapeReader } from './tape-reader.js';
import { heldView } from './view.js';
import { showEnd } from './writable-ended.js';

/** A middleware that waits at its `callNext`; `answered` is called with the response when that has a head. */
export interface Waiter {
  answered(response: Response): void;
}

const noSubstitute: Substitute = { base: undefined, downstreamRuns: false };
/** Lists are copied on each addition, without spare capacity: a response may last for hours. */
const none: readonly never[] = [];

/**
 * A native response whose head is held until the middleware has finished, then released by the same calls on
 * the previous methods. Until then, the states in this folder define what each call does.
 */
export class Hold implements Held {
  calls: Calls = open;
  ending: Ending = 'none';
  output: Output = 'none';
  onAwaited: (() => void) | undefined;
  onLateAnswer: (() => void) | undefined;
  onWritten: (() => void) | undefined;
  /** The innermost waiter is last. */
  waiters: readonly Waiter[] = none;
  substitute: Substitute = noSubstitute;
  /** The number of `close` listeners when the head was made. */
  listenersAtHead = 0;
  outer: Hold | undefined;
  installed: Installed | undefined;
  /** The methods on the response itself, for which the framework's prototype must act natively. */
  ownNames: ReadonlySet<string> | undefined;
  slot: Slot<Hold> | undefined;
  reader: TapeReader | undefined;
  viewed: Response | undefined;
  readonly res: NativeResponse;
  readonly previous: PreviousMethods;
  readonly head: CapturedHead;
  readonly firstSource: number;
  #tape: Tape | undefined;
  #room: Room | undefined;
  /** The async context in which native code made the head. */
  #context: AsyncResource | undefined;
  #afterwards: readonly (() => void)[] = none;

  constructor(res: NativeResponse, previous: PreviousMethods, head = new CapturedHead(res)) {
    this.res = res;
    this.previous = previous;
    this.head = head;
    if (res.listenerCount('drain') > 0) this.#room = new Room(res, previous, drainListeners(res));
    this.firstSource = followPipes(res);
  }

  get state(): StateName {
    return this.calls.name;
  }

  get ended(): boolean {
    return this.ending === 'ended';
  }

  get tape(): Tape {
    this.#tape ??= new Tape(this.output === 'written' ? 'played' : 'waits');
    return this.#tape;
  }

  get room(): Room {
    this.#room ??= new Room(this.res, this.previous, none);
    return this.#room;
  }

  /** The response that native code has started, for the middleware. */
  get view(): Response {
    this.viewed ??= heldView(this);
    return this.viewed;
  }

  /** Whether an answer was given here, which used up the methods that were put on the response below. */
  get isUsed(): boolean {
    const isSent = this.calls !== held && this.res.headersSent;
    return !isSent && (this.#context !== undefined || this.output !== 'none');
  }

  /** Whether native code has ended a response that is still held, as `res.writableEnded` shows it. */
  get endedInHold(): boolean {
    const hasEnded = this.ending === 'ended' || this.ending === 'endedLate';
    return hasEnded && (this.calls === held || this.calls === replaced);
  }

  /** Whether native code waits for something that only the wire can provide. */
  get isAwaited(): boolean {
    return this.#tape?.isAwaited === true || this.#afterwards.length > 0;
  }

  makeHead(by: Origin): void {
    const { res, tape, installed } = this;
    tape.origin = by;
    try {
      const isUncovered =
        res.writeHead === installed?.writeHead && res._implicitHeader === installed?._implicitHeader;
      if (isUncovered) return this.capture(res.statusCode, undefined, undefined);
      // HTTP/2 has no `_implicitHeader`.
      if (typeof res._implicitHeader === 'function') res._implicitHeader();
      else res.writeHead(res.statusCode);
      // If Node makes the head itself, headers added by inner code were not arguments.
      this.head.lookAt();
    } catch (thrown) {
      tape.origin = undefined;
      throw thrown;
    }
  }

  capture(status: number, reason: unknown, headers: unknown): void {
    const { head, tape } = this;
    head.capture(status, reason, headers, this.previous);
    tape.origin ??= 'writeHead';
    this.#context = new AsyncResource('callnext.held');
    this.listenersAtHead = this.res.listenerCount('close');
    this.calls = held;
    this.waiters.at(-1)?.answered(this.view);
  }

  willBeDestroyed(reason: unknown = new Error('The response was destroyed before it was complete.')): void {
    if (this.ending === 'none') this.ending = 'destroyed';
    this.tape.fail(toError(reason));
  }

  afterRelease(action: () => void): void {
    if (this.calls !== held) return action();
    this.#afterwards = [...this.#afterwards, action];
    this.onAwaited?.();
  }

  /** Sends what was held, as it was written. Throws what the native methods throw. */
  release(): void {
    if (this.calls === open) this.passed();
    if (this.calls !== held) return;
    // Callbacks and events run in the async context in which native code wrote.
    (this.#context as AsyncResource).runInAsyncScope(releaseTape, undefined, this);
    this.#context = undefined;
  }

  played(): void {
    if (this.reader === undefined) this.#tape = undefined;
  }

  passed(): void {
    this.calls = passing;
    const marks = this.#tape?.takeMarks();
    if (marks) playMarks(this, marks);
    this.#tape?.takeCorks();
    this.#room?.handBack();
    this.runAfterwards();
  }

  get hasAfterwards(): boolean {
    return this.#afterwards.length > 0;
  }

  runAfterwards(): void {
    const actions = this.#afterwards;
    this.#afterwards = none;
    for (const action of actions) action();
  }

  /** Sends another response in place of the native one. Returns its producer, if it is streamed. */
  replace(response: Response, method: string): BodyProducer | undefined {
    return replaceBy(this, response, method);
  }

  turn(calls: Calls): void {
    if (this.calls === held) this.head.lift();
    this.calls = calls;
    dropCorks(this);
    if (this.endedInHold) showEnd(this.res);
  }

  /** Lets later writes through, because nobody has answered here. */
  pass(): void {
    const isFree = this.calls === open || (this.calls === replaced && !this.res.headersSent);
    if (isFree) this.passed();
  }

  /** Drops what was held, and later writes: the framework answers past this hold. */
  bypass(): void {
    attachHeaders(this.res);
    if (this.calls !== held && !this.res.headersSent) this.head.reopen();
    this.turn(bypassed);
    callBackAtFinish(this);
    sink(this);
    if (this.#afterwards.length > 0) this.res.once('finish', () => this.runAfterwards());
  }

  /** Drops everything: an outer hold answers instead. */
  giveUp(): void {
    this.turn(replaced);
    sink(this);
  }

  /** Drops later writes of native code, because nobody will read them. */
  letGo(): void {
    if (this.calls === replaced) sink(this);
  }

  /** Calls `tell` when a reader of the body has nothing left to read: now, or later. */
  whenStarved(tell: () => void): void {
    const isReadable = this.calls === held || this.calls === replaced;
    if (isReadable && !this.ended) readerOf(this).whenStarved(tell);
  }

  /** Fails the body because the connection is gone: its readers must not wait forever. */
  closed(error: Error): void {
    this.tape.fail(error);
    if (this.calls === held) this.head.reopen();
    if (this.endedInHold) showEnd(this.res);
    if (this.calls === open) this.passed();
  }
}

/** Makes a hold for a response whose head is already out: nothing is held, and its view cannot be changed. */
export function sentHold(res: NativeResponse): Hold {
  const hold = new Hold(res, res);
  hold.calls = passing;
  hold.head.status = res.statusCode;
  hold.tape.fail(misuse('HEADERS_SENT', 'read the body'));
  return hold;
}
