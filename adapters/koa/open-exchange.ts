import { misuse } from '../../core/adapter.js';
import { NativeExchange, openExchange } from '../node/shared.js';
import { KoaFramework } from './framework.js';
import { KoaExchange } from './koa-exchange.js';
import type { KoaContext } from './koa-types.js';
import { KoaTransport } from './transport.js';

/** Creates the exchange of a context. */
export function openOnKoa(ctx: KoaContext): KoaExchange {
  let koa!: KoaExchange;
  const passOn = (thrown: unknown): void => koa.giveBack(thrown);
  openExchange(ctx.req, ctx.res as never, new KoaFramework(ctx), passOn, node => {
    koa = new KoaExchange(ctx, node.native);
    return new KoaTransport(koa, node);
  });
  return koa;
}

/** Returns the exchange of a native response, if it belongs to Koa. */
export function exchangeAt(res: object): KoaExchange | undefined {
  const native = NativeExchange.of(res);
  return native && ofKoa(native);
}

/**
 * Returns the exchange of a context. Throws `APP_INSIDE_APP`: two layers would wait for the answers of two
 * contexts.
 */
export function joinAt(ctx: KoaContext): KoaExchange | undefined {
  const native = NativeExchange.join(ctx.res);
  const koa = native && onContext(ctx, native);
  if (native && !koa) throw misuse('APP_INSIDE_APP');
  return koa;
}

/** Returns the same, if it belongs to this context, which may be derived from its original one. */
export function onContext(ctx: KoaContext, native: NativeExchange): KoaExchange | undefined {
  const koa = ofKoa(native);
  return koa?.ctx.response === ctx.response ? koa : undefined;
}

function ofKoa({ framework, exchange }: NativeExchange): KoaExchange | undefined {
  return framework.kind === 'koa' ? (exchange.transport as KoaTransport).koa : undefined;
}
