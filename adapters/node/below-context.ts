import { AsyncLocalStorage } from 'node:async_hooks';
import { hasStores } from '../../core/adapter.js';
import type { NativeExchange } from './native-exchange.js';

/**
 * Marks code that runs below a layer, as opposed to events from Node. Used only if there are stores to keep.
 */
const belowLayer = new AsyncLocalStorage<object>();

/**
 * Emits the events of a request in the async context of the middleware: multer up to 2.0 continues from such
 * an event and would lose the stores of every `AsyncLocalStorage`. Code below with its own stores keeps them.
 */
export function keepContext(native: NativeExchange): void {
  const { req, exchange } = native;
  if (native.keepsContext || !hasStores(exchange)) return;
  native.keepsContext = true;
  const { emit } = req;
  const value = (...event: unknown[]): unknown => {
    const tell = (): unknown => Reflect.apply(emit, req, event);
    return belowLayer.getStore() === native ? tell() : exchange.inContext(tell);
  };
  Object.defineProperty(req, 'emit', { value, configurable: true, writable: true });
}

/** Runs code below a layer, and marks everything that it starts as being from there. */
export function runBelow<T>(native: NativeExchange, goOn: () => T): T {
  return native.keepsContext ? belowLayer.run(native, goOn) : goOn();
}
