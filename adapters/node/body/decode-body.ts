import { pipeline, Readable, type Transform } from 'node:stream';
import { HTTPException } from '../../../core/adapter.js';

type Zlib = typeof import('node:zlib');

const decoders: Readonly<Record<string, (zlib: Zlib) => Transform>> = {
  gzip: zlib => zlib.createGunzip(),
  'x-gzip': zlib => zlib.createGunzip(),
  deflate: zlib => zlib.createInflate(),
  br: zlib => zlib.createBrotliDecompress(),
};
/** No well-meant request has more layers of encoding than this. */
const mostCodings = 2;

/**
 * Yields a body without its encodings, as fast as it is read: a reader that counts its bytes is safe from a
 * small body that decodes to a huge one. Rejects with an HTTPException of 415 for an unknown encoding, and of
 * 400 for bytes that are not encoded so.
 */
export async function* decodeBody(
  body: AsyncIterable<Uint8Array>,
  codings: string,
): AsyncGenerator<Uint8Array, void, unknown> {
  if (!isDecodable(codings)) throw new HTTPException(415, unsupported(codings));
  const coded = codingsIn(codings);
  const zlib = await import('node:zlib');
  const failure: { error?: unknown } = {};
  const source = Readable.from(watched(body, failure), { objectMode: false });
  const transforms = coded.toReversed().map(name => (decoders[name] as (zlib: Zlib) => Transform)(zlib));
  const decoded = transforms.reduce<Readable>((from, to) => pipeline(from, to, () => undefined), source);
  try {
    for await (const chunk of decoded) yield chunk;
  } catch (cause) {
    if ('error' in failure) throw failure.error;
    throw new HTTPException(
      400,
      `There was an error parsing the body: it is not coded as ${coded.join(', ')}.`,
      { cause },
    );
  } finally {
    source.destroy();
  }
}

/** Whether all encodings in a `content-encoding` header are known. */
export function isDecodable(codings: string): boolean {
  const names = codingsIn(codings);
  return names.length <= mostCodings && names.every(name => Object.hasOwn(decoders, name));
}

function codingsIn(header: string): string[] {
  const names = header.split(',').map(name => name.trim().toLowerCase());
  return names.filter(name => name !== '' && name !== 'identity');
}

function unsupported(codings: string): string {
  return `The content encoding ${JSON.stringify(codings)} is not supported.`;
}

/**
 * Notes an error of the body itself, as opposed to its decoding. It has no `throw`, so the stream cannot pass
 * later errors back to it.
 */
function watched(body: AsyncIterable<Uint8Array>, failure: { error?: unknown }): AsyncIterable<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  const iterator = {
    async next() {
      try {
        return await chunks.next();
      } catch (error) {
        failure.error = error;
        throw error;
      }
    },
    return: async () => (await chunks.return?.()) ?? { value: undefined, done: true as const },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
