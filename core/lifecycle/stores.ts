import { AsyncResource } from 'node:async_hooks';
import type { Exchange } from './exchange.js';

const bare = new AsyncResource('callnext');

/** Whether the request has an `AsyncLocalStorage` store that could be lost. */
export function hasStores({ context }: Exchange): boolean {
  return context !== undefined && carriesStores(context);
}

/**
 * Node 20 and 22 keep each store on the resource itself, later versions keep them together. Without stores, a
 * resource has nothing that one made outside any request lacks.
 */
function carriesStores(resource: AsyncResource): boolean {
  const at = (holder: object, key: symbol): unknown => Reflect.get(holder, key);
  return Object.getOwnPropertySymbols(resource).some(
    key => !Object.hasOwn(bare, key) || (at(bare, key) === undefined && at(resource, key) !== undefined),
  );
}
