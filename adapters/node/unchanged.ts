import { type CallNext, Headers, type Request, type Response, sharedOf } from '../../core/adapter.js';
import type { NativeResponse } from './node-types.js';

const ofContent = /^content-(?:type|length|encoding)$/i;

/** The headers that described a body before native code decided to answer with 304, by name. */
export type Unsent = ReadonlyMap<string, string>;

/** What is known about the 200 that a 304 stands for. */
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
 * Calls `callNext(request)` and notes the headers of a body that native code sets before it decides on a 304:
 * `res.send()`, `send` and Koa remove them, and nothing else shows what the 200 would be.
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

/** Returns the headers of a 304 together with what it omits, as far as that is known. */
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
 * Returns the size of a file from its `etag` if that also has the time of `last-modified`, as those of `send`
 * and `FileResponse` have.
 */
function sizeInTag(headers: Headers): number | undefined {
  const tag = /^(?:W\/)?"([0-9a-f]+)-([0-9a-f]+)"$/.exec(headers.get('etag') ?? '');
  const seconds = Date.parse(headers.get('last-modified') ?? '') / 1000;
  const [first = Number.NaN, second = Number.NaN] = tag?.slice(1).map(hex => Number.parseInt(hex, 16)) ?? [];
  if (Math.floor(second / 1000) === seconds) return first;
  return Math.floor(first / 1000) === seconds ? second : undefined;
}

/**
 * Whether a client holds an uncompressed body although it accepts compressed ones: it then sends the strong
 * form of the tag; for a compressed body it would send the weak form.
 */
export function holdsUncoded(request: Request, response: Response): boolean {
  const held: readonly string[] = request.headers.get('if-none-match')?.match(/(?:W\/)?"[^"]*"/g) ?? [];
  const etag = response.headers.get('etag') ?? '';
  return held.includes(etag) && !etag.startsWith('W/') && !held.includes(`W/${etag}`);
}
