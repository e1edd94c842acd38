import { type Depends, followTarget, injectInto, misuse } from '../../core/index.js';
import { NativeExchange } from './native-exchange.js';

/** Solves a dependency in the exchange of a native object. Rejects with `INJECT_OUTSIDE` where there is none. */
export function injectAt<T>(native: object | undefined, dependency: Depends<T>): Promise<T> {
  const found = native && NativeExchange.of(native);
  if (!found) return Promise.reject(misuse('INJECT_OUTSIDE'));
  followTarget(found.exchange.request);
  return injectInto(found.exchange, dependency);
}
