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

/** A middleware at its `callNext`: told of the response when that has a head. */
export interface Waiter {
  answered(response: Response): void;
}

const noSubstitute: Substitute = { base: undefined, downstreamRuns: false };
/** Lists that are made anew when something is added have no room to spare: a response may last for hours. */
const none: readonly never[] = [];

/**
 * A native response whose head is held until the middleware has finished, then released by the same calls on
 * the previous methods. Until then, the states in this folder say what each call does.
 */
export class Hold implements Held {
  calls: Calls = open;
  ending: Ending = 'none';
  output: Output = 'none';
  onAwaited: (() => void) | undefined;
  onLateAnswer: (() => void) | undefined;
  onWritten: (() => void) | undefined;
  /** The innermost one is last. */
  waiters: readonly Waiter[] = none;
  substitute: Substitute = noSubstitute;
  /** How many listeners there were for `close` when the head was made. */
  listenersAtHead = 0;
  outer: Hold | undefined;
  installed: Installed | undefined;
  /** The methods on the response itself, where the framework's prototype must act natively. */
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
  /** Where native code has made the head. */
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

  /** Whether native code has ended the response. */
  get ended(): boolean {
    return this.ending === 'ended';
  }

  get tape(): Tape {
    this.#tape ??= new Tape();
    return this.#tape;
  }

  get room(): Room {
    this.#room ??= new Room(this.res, this.previous, none);
    return this.#room;
  }

  /** The response that native code has begun, for the middleware. */
  get view(): Response {
    this.viewed ??= heldView(this);
    return this.viewed;
  }

  /** Whether an answer was given here, which has used up the methods that were put on the response below. */
  get isUsed(): boolean {
    const isSent = this.calls !== held && this.res.headersSent;
    return !isSent && (this.#context !== undefined || this.output !== 'none');
  }

  /** Whether native code has ended what is still held, as `res.writableEnded` tells it. */
  get endedInHold(): boolean {
    const hasEnded = this.ending === 'ended' || this.ending === 'endedLate';
    return hasEnded && (this.calls === held || this.calls === replaced);
  }

  /** Whether native code waits for something that only the wire can answer. */
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
      // Headers that somebody inside adds are no arguments where Node makes the head by itself.
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

  /** What was written before goes out first, and what is written from now on comes too late. */
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
    // Its callbacks and events are told in the async context in which it was written.
    if (this.#context) this.#context.runInAsyncScope(releaseTape, undefined, this);
    else releaseTape(this);
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

  /** Nobody has answered here: what is written from now on goes out. */
  pass(): void {
    const isFree = this.calls === open || (this.calls === replaced && !this.res.headersSent);
    if (isFree) this.passed();
  }

  /** Forgets what was held: somebody else answers past this hold, and what still arrives at it is dropped. */
  bypass(): void {
    attachHeaders(this.res);
    if (this.calls !== held && !this.res.headersSent) this.head.reopen();
    this.turn(bypassed);
    callBackAtFinish(this);
    sink(this);
    if (this.#afterwards.length > 0) this.res.once('finish', () => this.runAfterwards());
  }

  /** An outer hold answers instead: nothing of this one goes out. */
  giveUp(): void {
    this.turn(replaced);
    sink(this);
  }

  /** Nobody will read what native code still writes. */
  letGo(): void {
    if (this.calls === replaced) sink(this);
  }

  /** Told when somebody reads the body and there is nothing to read: now, or later. */
  whenStarved(tell: () => void): void {
    const isReadable = this.calls === held || this.calls === replaced;
    if (isReadable && !this.ended) readerOf(this).whenStarved(tell);
  }

  /** The connection is gone: who waits for the body must not wait for ever. */
  closed(error: Error): void {
    this.tape.fail(error);
    if (this.calls === held) this.head.reopen();
    if (this.endedInHold) showEnd(this.res);
    if (this.calls === open) this.passed();
  }
}

/** A response whose head is out already: nothing is held, and the view of it cannot be changed. */
export function sentHold(res: NativeResponse): Hold {
  const hold = new Hold(res, res);
  hold.calls = passing;
  hold.head.status = res.statusCode;
  hold.tape.fail(misuse('HEADERS_SENT', 'read the body'));
  return hold;
}
