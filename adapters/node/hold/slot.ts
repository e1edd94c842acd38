import { exchangeKey } from '../exchange-key.js';
import type { NativeResponse } from '../node-types.js';

/** Where the methods on a response find its outermost hold; empty when they are out of the way. */
export interface Slot<Hold> {
  hold: Hold | undefined;
}

/** The exchange of a response has the slot: each further property of a response costs a request. */
export function slotOf<Hold>(res: NativeResponse): Slot<Hold> | undefined {
  return (res as { [exchangeKey]?: Slot<Hold> })[exchangeKey];
}

/**
 * Lets the methods on the response call Node's own from here on, unless somebody waits to be told of a late
 * answer.
 */
export function stepAside({
  slot,
  onLateAnswer,
}: {
  readonly slot: { hold: object | undefined } | undefined;
  readonly onLateAnswer: (() => void) | undefined;
}): void {
  if (slot && onLateAnswer === undefined) slot.hold = undefined;
}
