import { type CallNext, Headers, type Request, type Response, sharedOf } from '../../core/adapter.js';
import type { NativeResponse } from './node-types.js';

const ofContent = /^content-(?:type|length|encoding)$/i;

/** What was said of a body before native code decided to answer with 304, by header name. */
export type Unsent = ReadonlyMap<string, string>;

/** What is known of the 200 that a 304 stands for. */
export interface Whole {
  readonly status: 200;
  readonly headers: Headers;
  readonly size: number | undefined;
  /** Whether its type and its size are known. */
  readonly isCertain: boolean;
}

/** Whether a request may be answered with 304. */
export function isConditional({ headers }: Request): boolean {
  return headers.has('if-none-match') || headers.has('if-modified-since');
}

/**
 * `callNext(request)`, and what native code says of a body until it decides on a 304: `res.send()`, `send`
 * and Koa take it off again, and nothing else tells what the 200 would be.
 */
export async function notingUnsent(
  request: Request,
  callNext: CallNext,
): Promise<{ readonly response: Response; readonly unsent: Unsent }> {
  const unsent = new Map<string, string>();
  const res = (request.raw as { readonly res?: NativeResponse } | null | undefined)?.res;
  if (typeof res?.setHeader !== 'function') return { response: await callNext(request), unsent };
  const { setHeader } = res;
  const noting = function (this: NativeResponse, name: string, value: never): unknown {
    if (this.statusCode !== 304 && ofContent.test(name)) unsent.set(name.toLowerCase(), String(value));
    return setHeader.call(this, name, value);
  } as NativeResponse['setHeader'];
  res.setHeader = noting;
  try {
    return { response: await callNext(request), unsent };
  } finally {
    if (res.setHeader === noting) res.setHeader = setHeader;
  }
}

/** The headers of a 304, and what it leaves out as far as that is known. */
export function wholeOf(request: Request, response: Response, unsent: Unsent): Whole {
  const headers = new Headers([...response.headers]);
  const { unsentType } = sharedOf(request);
  const left = unsentType === undefined ? unsent : new Map([['content-type', unsentType]]);
  for (const [name, value] of left) if (!headers.has(name)) headers.set(name, value);
  const length = headers.get('content-length');
  const size = length === null ? sizeInTag(headers) : Number(length);
  return { status: 200, headers, size, isCertain: size !== undefined && headers.has('content-type') };
}

/**
 * The size of a file as its tag says it, beside the time that `last-modified` has too: of `send`, and of
 * `FileResponse`.
 */
function sizeInTag(headers: Headers): number | undefined {
  const tag = /^(?:W\/)?"([0-9a-f]+)-([0-9a-f]+)"$/.exec(headers.get('etag') ?? '');
  const seconds = Date.parse(headers.get('last-modified') ?? '') / 1000;
  const [first = Number.NaN, second = Number.NaN] = tag?.slice(1).map(hex => Number.parseInt(hex, 16)) ?? [];
  if (Math.floor(second / 1000) === seconds) return first;
  return Math.floor(first / 1000) === seconds ? second : undefined;
}

/**
 * Whether a client holds a body that was not compressed, although it takes compressed ones: of the tag of
 * that body it has the strong form, and of a compressed one it would have the weak form.
 */
export function holdsUncoded(request: Request, response: Response): boolean {
  const held: readonly string[] = request.headers.get('if-none-match')?.match(/(?:W\/)?"[^"]*"/g) ?? [];
  const etag = response.headers.get('etag') ?? '';
  return held.includes(etag) && !etag.startsWith('W/') && !held.includes(`W/${etag}`);
}
