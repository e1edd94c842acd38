import { AsyncLocalStorage } from 'node:async_hooks';
import { hasStores } from '../../core/adapter.js';
import type { NativeExchange } from './native-exchange.js';

/**
 * Tells code that runs below a layer from what Node calls from outside; used only where there are stores to
 * be kept.
 */
const belowLayer = new AsyncLocalStorage<object>();

/**
 * Tells what arrives of a body in the async context of the middleware: multer up to 2.0 goes on from an
 * event of the request, and would lose the stores of every `AsyncLocalStorage` there. Code below with stores
 * of its own keeps them.
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

/** Runs what is below a layer so that what it leads to is known to be from there. */
export function runBelow<T>(native: NativeExchange, goOn: () => T): T {
  return native.keepsContext ? belowLayer.run(native, goOn) : goOn();
}
