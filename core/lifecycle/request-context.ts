import { AsyncResource } from 'node:async_hooks';

/** The async context in which the middleware has called `callNext`: exits and tasks run in it, whatever calls them. */
export class RequestContext {
  #resource: AsyncResource | undefined;

  /** Keeps the context of now. */
  keep(): void {
    this.#resource = new AsyncResource('callnext');
  }

  run<T>(work: () => T): T {
    return this.#resource ? this.#resource.runInAsyncScope(work) : work();
  }

  /** Whether there is a store of an `AsyncLocalStorage` that could be lost. */
  get hasStores(): boolean {
    return this.#resource !== undefined && hasStores(this.#resource);
  }
}

const bare = new AsyncResource('callnext');

/**
 * Node 20 and 22 keep the stores of an `AsyncLocalStorage` on the resource itself, later ones keep them together: where there
 * are none, a resource has no more than one that was made outside of any request.
 */
function hasStores(resource: AsyncResource): boolean {
  const at = (holder: object, key: symbol): unknown => Reflect.get(holder, key);
  return Object.getOwnPropertySymbols(resource).some(
    key => !Object.hasOwn(bare, key) || (at(bare, key) === undefined && at(resource, key) !== undefined),
  );
}
