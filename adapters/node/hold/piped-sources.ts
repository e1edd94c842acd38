import { ServerResponse } from 'node:http';
import { exchangeKey } from '../exchange-key.js';
import type { NativeResponse } from '../node-types.js';
import type { Source } from '../response/discard-source.js';

type Piped = NativeResponse & { readonly [exchangeKey]?: { sources?: readonly Source[] | undefined } };

const none: readonly never[] = [];
const { on } = ServerResponse.prototype;

/** Notes what is piped into a response from now on. Returns how many streams have been noted before. */
export function followPipes(res: NativeResponse): number {
  const exchange = (res as Piped)[exchangeKey];
  if (exchange?.sources) return exchange.sources.length;
  if (exchange) exchange.sources = none;
  // Some who stand outside have an `on` of their own (compression).
  on.call(res, 'pipe', note);
  return 0;
}

/** The streams that were piped into a response, first to last. */
export function pipedInto(res: NativeResponse): readonly Source[] {
  return (res as Piped)[exchangeKey]?.sources ?? none;
}

/** One function for all responses: a closure for each is a tenth of what a hold costs. */
function note(this: NativeResponse, source: Source): void {
  const exchange = (this as Piped)[exchangeKey];
  if (exchange) exchange.sources = [...(exchange.sources ?? none), source];
}
