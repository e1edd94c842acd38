import { ServerResponse } from 'node:http';
import { exchangeKey } from '../exchange-key.js';
import type { NativeResponse } from '../node-types.js';

/** True after a held `end()`, as without the layer. */
export const writableEnded: PropertyDescriptor & ThisType<NativeResponse> = {
  configurable: true,
  get() {
    const held = (this as unknown as { [exchangeKey]?: { readonly endedInHold: boolean } })[exchangeKey];
    return held?.endedInHold === true || nativeWritableEnded.call(this);
  },
};

const nativeWritableEnded = getterOf(ServerResponse.prototype, 'writableEnded');

/**
 * Shows the end of a response whose `finished` does not show it. A property on each response would cost a
 * request on Koa 1 µs.
 */
export function showEnd(res: NativeResponse): void {
  if (!res.finished && !res.writableEnded) Object.defineProperty(res, 'writableEnded', writableEnded);
}

/** Returns a getter of an object or of its prototypes. */
export function getterOf(prototype: object, name: string): () => boolean {
  for (let each: object | null = prototype; each; each = Object.getPrototypeOf(each)) {
    const getter = Object.getOwnPropertyDescriptor(each, name)?.get;
    if (getter) return getter;
  }
  return () => false;
}
