import type { Body } from './body.js';
import { bytesOf, isChunk, toBytes } from './body-source.js';
import { elementsOf } from './header-rules.js';
import { RepeatedWait } from './repeated-wait.js';
import type { RequestSource } from './request-source.js';

/** A body, its decoder, and the signal that its client has left. */
interface Probe {
  readonly body: Body;
  readonly source: Pick<RequestSource, 'decode' | 'signal'>;
}

type Test = (probe: Probe) => Promise<boolean>;

const tests: Readonly<Record<string, Test>> = {
  gzip: isGzip,
  'x-gzip': isGzip,
  deflate: isDeflate,
  zstd: isZstd,
  br: isBrotli,
};

/** The codings that every supported `fetch` decodes. */
const undone: readonly string[] = ['gzip', 'x-gzip', 'deflate', 'br', 'identity'];

export function areUndone(codings: string): boolean {
  return namesOf(codings).every(name => undone.includes(name));
}

/**
 * Whether a body is encoded as its `content-encoding` says. `new Response(upstream.body, upstream)` pairs
 * decoded bytes with the header of encoded ones, so only the bytes show it. Waits for the first of them, or
 * for the client to leave.
 */
export async function isCodedAs(codings: string, probe: Probe): Promise<boolean> {
  const outermost = namesOf(codings).findLast(name => name !== 'identity') ?? '';
  const test = Object.hasOwn(tests, outermost) ? tests[outermost] : undefined;
  return test === undefined || (await test(probe));
}

function namesOf(codings: string): string[] {
  return elementsOf(codings.toLowerCase());
}

/** RFC 1952, 2.3.1. */
async function isGzip(probe: Probe): Promise<boolean> {
  return beginsWith(await firstBytes(probe, 2), [0x1f, 0x8b]);
}

/** RFC 8878, 3.1.1. */
async function isZstd(probe: Probe): Promise<boolean> {
  return beginsWith(await firstBytes(probe, 4), [0x28, 0xb5, 0x2f, 0xfd]);
}

/** RFC 1950, 2.2; some senders omit the two header bytes. */
async function isDeflate(probe: Probe): Promise<boolean> {
  const [first = 0, second = 0] = await firstBytes(probe, 2);
  const isZlib = (first & 0x8f) === 8 && (first * 256 + second) % 31 === 0;
  return isZlib || !isText(await firstBytes(probe, enough));
}

/** Brotli has no signature. A decoder rejects most other data, but not every text. */
async function isBrotli(probe: Probe): Promise<boolean> {
  const first = await firstBytes(probe, enough);
  // A few bytes may look like text by chance, so short bodies are decoded to the end.
  const isShort = first.length < enough;
  if (!isShort && isText(first)) return false;
  try {
    for await (const chunk of probe.source.decode(bytesOf(probe.body.copy()), 'br'))
      if (!isShort && chunk.length > 0) return true;
    return true;
  } catch {
    return false;
  }
}

function beginsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}

/** This many encoded bytes in a row are never valid text. */
const enough = 16;

/** Whether bytes are UTF-8 without control characters; the last character may be cut off. */
function isText(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return !/[^\P{Cc}\t\n\f\r]/u.test(text);
  } catch {
    return false;
  }
}

/** Reads at least `count` bytes, or all there are. They stay available to other readers. */
async function firstBytes({ body, source }: Probe, count: number): Promise<Uint8Array> {
  const content = body.copy();
  if (content === null || isChunk(content)) return toBytes(content ?? '').subarray(0, count);
  const found: number[] = [];
  const left = new RepeatedWait(abortOf(source.signal));
  const chunks = content[Symbol.asyncIterator]();
  while (found.length < count) {
    const next = await left.or(chunks.next());
    if (next === undefined || next.done) break;
    for (const byte of toBytes(next.value).subarray(0, count)) found.push(byte);
  }
  await chunks.return?.();
  return Uint8Array.from(found);
}

function abortOf(signal: AbortSignal): Promise<undefined> {
  return new Promise(resolve => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
