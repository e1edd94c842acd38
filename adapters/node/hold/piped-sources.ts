import { ServerResponse } from 'node:http';
import { exchangeKey } from '../exchange-key.js';
import type { NativeResponse } from '../node-types.js';
import type { Source } from '../response/discard-source.js';

type Piped = NativeResponse & { readonly [exchangeKey]?: { sources?: readonly Source[] | undefined } };

const none: readonly never[] = [];
const { on } = ServerResponse.prototype;

/** Notes later pipes into a response. Returns how many streams were noted before. */
export function followPipes(res: NativeResponse): number {
  const exchange = (res as Piped)[exchangeKey];
  if (exchange?.sources) return exchange.sources.length;
  if (exchange) exchange.sources = none;
  // Some outer middleware replaces `on` (compression).
  on.call(res, 'pipe', note);
  return 0;
}

/** Returns the streams that were piped into a response, first to last. */
export function pipedInto(res: NativeResponse): readonly Source[] {
  return (res as Piped)[exchangeKey]?.sources ?? none;
}

/** Shared by all responses: a closure for each is a tenth of the cost of a hold. */
function note(this: NativeResponse, source: Source): void {
  const exchange = (this as Piped)[exchangeKey];
  if (exchange) exchange.sources = [...(exchange.sources ?? none), source];
}
