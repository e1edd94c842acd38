import { AsyncResource } from 'node:async_hooks';
import type { Exchange } from './exchange.js';

const bare = new AsyncResource('callnext');

/** Whether the request has a store of an `AsyncLocalStorage` that could be lost. */
export function hasStores({ context }: Exchange): boolean {
  return context !== undefined && carriesStores(context);
}

/**
 * Node 20 and 22 keep the stores of an `AsyncLocalStorage` on the resource itself, later ones keep them
 * together: where there are none, a resource has no more than one that was made outside of any request.
 */
function carriesStores(resource: AsyncResource): boolean {
  const at = (holder: object, key: symbol): unknown => Reflect.get(holder, key);
  return Object.getOwnPropertySymbols(resource).some(
    key => !Object.hasOwn(bare, key) || (at(bare, key) === undefined && at(resource, key) !== undefined),
  );
}
