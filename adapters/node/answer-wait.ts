import type { Delivery } from '../../core/adapter.js';
import type { Hold } from './hold/hold.js';
import type { NativeResponse } from './node-types.js';
import { queueMicrotask, setImmediate } from './turns.js';

/** How long an answer waits for code that does not show what it waits for, in milliseconds. */
const patience = 5_000;
/** A listener for one of these events waits until the held part is sent. */
const ofTheWire = new Set<string | symbol>(['finish', 'prefinish', 'close', 'drain']);

/** What is known about an answer whose code is still running. */
export interface AnswerInWait {
  readonly res: NativeResponse;
  /** The hold on the answer, if any. */
  readonly held: Hold | undefined;
  /** The number of `finish` listeners before that code started. */
  readonly listenersBefore: number;
}

/**
 * Resolves when the answer of native code may be sent: with `true` if the code has ended, and with `false` if
 * it waits for its answer to be sent. Listeners, callbacks, a full buffer, a flush and an event stream show
 * that; otherwise it resolves after five seconds.
 */
export function whenAnswerMayGo(
  end: Promise<void>,
  { res, held, listenersBefore }: AnswerInWait,
): Promise<boolean> {
  return new Promise(resolve => {
    const settle = (isThrough: boolean): void => {
      clearTimeout(timer);
      res.off('newListener', listening);
      if (held) held.onAwaited = undefined;
      resolve(isThrough);
    };
    // One turn later: code that ends in this turn does not wait.
    const goOn = (): void => void setImmediate(settle, false);
    const listening = (event: string | symbol): void => {
      if (ofTheWire.has(event)) goOn();
    };
    const timer = setTimeout(settle, patience, false).unref();
    end.then(() => settle(true));
    res.on('newListener', listening);
    if (held) held.onAwaited = goOn;
    if (isAwaited({ res, held, listenersBefore })) goOn();
  });
}

/**
 * Whether code waits for its answer to be sent. A `close` listener from before the head waits for a
 * disconnect.
 */
function isAwaited({ res, held, listenersBefore }: AnswerInWait): boolean {
  const waitsForFinish = res.listenerCount('finish') > listenersBefore;
  const waitsForClose = held !== undefined && res.listenerCount('close') > held.listenersAtHead;
  return waitsForFinish || waitsForClose || held?.isAwaited === true || isEventStream(held);
}

/**
 * Resolves five seconds after the client has gone, or after something else was sent, if native code still
 * listens for an event that never comes: `'finish'`, or `'drain'`, as in `if (!res.write(chunk)) await
 * once(res, 'drain')`.
 */
export function whenStuck(
  over: Promise<Delivery>,
  isAtWork: () => boolean,
  { res, held, listenersBefore }: AnswerInWait,
): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      const waits = res.listenerCount('drain') > 0 || res.listenerCount('finish') > listenersBefore;
      if (waits && isAtWork()) resolve();
    };
    void over.then(({ outcome }) => {
      const isDropped = held?.state === 'replaced' || held?.state === 'bypassed';
      if (outcome === 'aborted' || isDropped) setTimeout(look, patience).unref();
    });
  });
}

/** Shows whether all promises of native code have settled, and when they do. */
export function endOf(works: readonly PromiseLike<unknown>[]): {
  isAtWork: () => boolean;
  whenEnded: () => Promise<void>;
} {
  let pending = works.length;
  let tell: (() => void) | undefined;
  let ended: Promise<void> | undefined;
  const settle = (): void => {
    pending -= 1;
    if (pending === 0) tell?.();
  };
  for (const work of works) Promise.resolve(work).then(settle, settle);
  const whenEnded = (): Promise<void> => {
    ended ??= new Promise(resolve => {
      if (pending === 0) resolve();
      else tell = resolve;
    });
    return ended;
  };
  return { isAtWork: () => pending > 0, whenEnded };
}

/** Calls `done` with the first failure when all have settled, or `unknown` if none is pending now. */
export function whenAllSettled(
  works: readonly PromiseLike<unknown>[],
  done: (failure?: unknown) => void,
  unknown: () => void,
): void {
  let pending = works.length;
  let wasPending = false;
  let failure: unknown;
  const settle = (thrown?: unknown): void => {
    failure ??= thrown;
    pending -= 1;
    if (pending === 0 && wasPending) done(failure);
  };
  for (const work of works) work.then(() => settle(), settle);
  // Runs after the callbacks of promises that have settled, and before those of later ones.
  queueMicrotask(() => {
    wasPending = pending > 0;
    if (!wasPending) unknown();
  });
}

function isEventStream(held: Hold | undefined): boolean {
  const type = held?.ended === false ? held.view.headers.get('content-type') : undefined;
  return type?.startsWith('text/event-stream') === true;
}
