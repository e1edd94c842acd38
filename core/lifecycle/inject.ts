import { type InjectPort, injectInto } from '../dependencies/inject.js';
import type { Declared, Dependencies } from '../dependencies/marker.js';
import type { Exchange } from './exchange.js';
import { unwind } from './failure.js';
import { isLeftBehind } from './over.js';
import { phases } from './phase.js';
import { busyWith, runsBlock } from './unfinished.js';

const port: InjectPort<Exchange> = {
  hasLeft: exchange => exchange.phase >= phases.leaving || isLeftBehind(exchange),
  busyWith,
  runsBlock,
  unwind,
  lend: ({ busy }, names) => busy.lend(names),
};

/**
 * Solves dependencies for native code in an exchange, and gives them to a block, if there is one. See
 * `injectInto`.
 */
export function inject(
  exchange: Exchange,
  wanted: Declared<unknown> | Dependencies,
  block?: unknown,
): Promise<unknown> {
  return injectInto(exchange, port, wanted, block);
}
