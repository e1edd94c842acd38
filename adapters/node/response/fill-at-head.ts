import { fillHeaders, Headers } from '../../../core/adapter.js';
import { pairsOf, setPairs } from '../hold/raw-head.js';
import type { NativeResponse, RawHead } from '../node-types.js';
import { headerText, textLines } from './header-text.js';

/**
 * Adds headers to a native response when its head is made: Express' error page overrides them with its own,
 * and Koa's removes all existing ones.
 */
export function fillAtHead(res: NativeResponse, added: Headers): void {
  if (res.headersSent) return;
  const covered = res.writeHead;
  let isFilled = false;
  res.writeHead = function writeHead(...args: unknown[]) {
    if (!isFilled && !res.headersSent) {
      isFilled = true;
      // Headers that are arguments would replace those that are set.
      const given = args.findIndex(argument => typeof argument === 'object' && argument !== null);
      const pairs = given < 0 ? [] : [...pairsOf(args.splice(given, 1)[0] as NonNullable<RawHead>)];
      setPairs(
        res,
        pairs.filter(([, value]) => value !== undefined),
      );
      fillHeaders(headersOf(res), added);
    }
    return Reflect.apply(covered, res, args);
  } as NativeResponse['writeHead'];
}

function headersOf(res: NativeResponse): Headers {
  return new Headers(undefined, {
    get: name => headerText(res.getHeader(name)),
    set: (name, value) => res.setHeader(name, value as string | string[]),
    delete: name => res.removeHeader(name),
    lines: () => textLines(res.getHeaderNames(), name => res.getHeader(name)),
  });
}
