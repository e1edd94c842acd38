import { type Declared, type Dependencies, followTarget, injectInto, misuse } from '../../core/adapter.js';
import { NativeExchange } from './native-exchange.js';

/**
 * Solves dependencies in the exchange of a native object. Rejects with `INJECT_OUTSIDE` without one, and with
 * `OTHER_VERSION`.
 */
export function injectAt(
  native: object | undefined,
  wanted: Declared<unknown> | Dependencies,
  block: unknown,
): Promise<unknown> {
  const found = native && NativeExchange.of(native);
  if (!found)
    return new Promise((_resolve, reject) => {
      if (native) NativeExchange.join(native);
      reject(misuse('INJECT_OUTSIDE'));
    });
  const { calls, exchange, res } = found;
  followTarget(exchange.request);
  calls.injects(res.listenerCount('finish'));
  const injected = injectInto(exchange, wanted, block);
  if (block !== undefined) calls.runs(injected);
  return injected;
}
