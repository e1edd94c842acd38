import type { RouterParams } from '../../core/adapter.js';
import type { KoaContext } from './koa-types.js';

/** A capturing group of a regular expression, with its name. */
const group = /\((?:\?<(.*?)>)?(?!\?)/g;

/**
 * Returns the parameters of the matched route. @koa/router names none for a regular expression, where Express
 * numbers them.
 */
export function routerParams(ctx: KoaContext): RouterParams {
  const { params = {}, captures, _matchedRoute: route } = ctx;
  if (!(route instanceof RegExp) || !captures || Object.keys(params).length > 0) return params;
  const names = [...route.source.matchAll(group)].map(([, name], index) => name ?? String(index));
  return Object.fromEntries(captures.map((text, index) => [names[index] ?? String(index), decoded(text)]));
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text && decodeURIComponent(text);
  } catch {
    return text;
  }
}
