import { exchangeKey } from '../exchange-key.js';
import type { NativeResponse } from '../node-types.js';

/** Where the methods on a response find its outermost hold; empty when the hold has stepped aside. */
export interface Slot<Hold> {
  hold: Hold | undefined;
}

/**
 * Returns the exchange of a response as its slot: each further property of a response slows every request.
 */
export function slotOf<Hold>(res: NativeResponse): Slot<Hold> | undefined {
  return (res as { [exchangeKey]?: Slot<Hold> })[exchangeKey];
}

/** Lets the methods on the response call Node's own from now on, unless something waits for a late answer. */
export function stepAside({
  slot,
  onLateAnswer,
}: {
  readonly slot: { hold: object | undefined } | undefined;
  readonly onLateAnswer: (() => void) | undefined;
}): void {
  if (slot && onLateAnswer === undefined) slot.hold = undefined;
}
