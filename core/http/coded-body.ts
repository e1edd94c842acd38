import type { Body } from './body.js';
import { bytesOf } from './body-source.js';
import { elementsOf } from './headers.js';
import type { RequestSource } from './request-source.js';

type Decoder = Pick<RequestSource, 'decode'>;
type Test = (body: Body, decoder: Decoder) => Promise<boolean>;

const tests: Readonly<Record<string, Test>> = {
  gzip: isGzip,
  'x-gzip': isGzip,
  deflate: isDeflate,
  zstd: isZstd,
  br: isBrotli,
};

/** The codings that every supported `fetch` undoes. */
const undone: readonly string[] = ['gzip', 'x-gzip', 'deflate', 'br', 'identity'];

/** Whether `fetch` has undone all of them. */
export function areUndone(codings: string): boolean {
  return namesOf(codings).every(name => undone.includes(name));
}

/**
 * Whether a body is coded as its `content-encoding` says. `fetch` gives decoded bytes beside the header of coded ones, and both
 * go into `new Response(upstream.body, upstream)`: only the bytes tell. Waits for the first of them.
 */
export async function isCodedAs(codings: string, body: Body, decoder: Decoder): Promise<boolean> {
  const outermost = namesOf(codings).findLast(name => name !== 'identity') ?? '';
  const test = Object.hasOwn(tests, outermost) ? tests[outermost] : undefined;
  return test === undefined || (await test(body, decoder));
}

function namesOf(codings: string): string[] {
  return elementsOf(codings.toLowerCase());
}

/** RFC 1952, 2.3.1. */
async function isGzip(body: Body): Promise<boolean> {
  return beginsWith(await firstBytes(body, 2), [0x1f, 0x8b]);
}

/** RFC 8878, 3.1.1. */
async function isZstd(body: Body): Promise<boolean> {
  return beginsWith(await firstBytes(body, 4), [0x28, 0xb5, 0x2f, 0xfd]);
}

/** RFC 1950, 2.2; some leave the two bytes of its header out. */
async function isDeflate(body: Body): Promise<boolean> {
  const [first = 0, second = 0] = await firstBytes(body, 2);
  const isZlib = (first & 0x8f) === 8 && (first * 256 + second) % 31 === 0;
  return isZlib || !isText(await firstBytes(body, enough));
}

/** Brotli has no signature. A decoder refuses most that is something else, but not every text. */
async function isBrotli(body: Body, decoder: Decoder): Promise<boolean> {
  const first = await firstBytes(body, enough);
  // A few bytes may be a text by chance, and are decoded to their end.
  const isShort = first.length < enough;
  if (!isShort && isText(first)) return false;
  try {
    for await (const chunk of decoder.decode(bytesOf(body.copy()), 'br'))
      if (!isShort && chunk.length > 0) return true;
    return true;
  } catch {
    return false;
  }
}

function beginsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}

/** So many coded bytes in a row are not a text. */
const enough = 16;

/** Whether bytes, the last of which may be a part of a character, are UTF-8 without control characters. */
function isText(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return !/[^\P{Cc}\t\n\f\r]/u.test(text);
  } catch {
    return false;
  }
}

/** At least so many bytes, or all there are. They stay for other readers. */
async function firstBytes(body: Body, count: number): Promise<Uint8Array> {
  const found: number[] = [];
  for await (const chunk of bytesOf(body.copy())) {
    for (const byte of chunk.subarray(0, count)) found.push(byte);
    if (found.length >= count) break;
  }
  return Uint8Array.from(found);
}
