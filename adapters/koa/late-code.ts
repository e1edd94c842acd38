import { AsyncLocalStorage } from 'node:async_hooks';
import process from 'node:process';
import type { Waiter } from '../node/shared.js';

/** Code below a layer, by the place where the layer waits for it. */
interface Code {
  readonly waiter: Waiter;
  readonly outer: Code | undefined;
}

const running = new AsyncLocalStorage<Code>();

/**
 * Whether late code is recognised by its async context. Up to Node 22 a store slows each promise of the
 * process down: a request would take a fifth more CPU time. On later versions it takes 2 %.
 */
export const areContextsCheap: boolean = Number.parseInt(process.versions.node, 10) >= 24;

/** Runs code that a layer waits for, to distinguish it from the middleware around that layer. */
export function runMarked<T>(waiter: Waiter, goOn: () => T): T {
  return running.run({ waiter, outer: running.getStore() }, goOn);
}

/** Whether the code that calls this is below a place whose layer no longer waits. */
export function isBelow(left: ReadonlySet<Waiter>): boolean {
  for (let each = running.getStore(); each; each = each.outer) if (left.has(each.waiter)) return true;
  return false;
}
