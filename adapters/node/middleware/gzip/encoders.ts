import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import Negotiator from 'negotiator';

/** A content encoding that `gzip()` supports. */
export type Encoding = 'gzip' | 'br';

/** Compresses a body: at once, or chunk by chunk. */
export interface Encoder {
  whole(bytes: Buffer): Promise<Buffer>;
  stream(): zlib.Gzip | zlib.BrotliCompress;
}

interface Levels {
  readonly compressLevel: number;
  readonly brotliQuality: number;
}

interface PreferringNegotiator {
  encodings(available: readonly string[], options: { preferred: readonly string[] }): string[];
}

const gzipWhole = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);
const brotliWhole = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliCompress);

const encoders: Record<Encoding, (levels: Levels) => Encoder> = {
  gzip: ({ compressLevel: level }) => ({
    whole: bytes => gzipWhole(bytes, { level }),
    stream: () => zlib.createGzip({ level, flush: zlib.constants.Z_SYNC_FLUSH }),
  }),
  br: ({ brotliQuality }) => {
    const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: brotliQuality };
    return {
      whole: bytes => brotliWhole(bytes, { params }),
      stream: () => zlib.createBrotliCompress({ params, flush: zlib.constants.BROTLI_OPERATION_FLUSH }),
    };
  },
};

/** Returns the encoder for a content encoding. */
export function encoderOf(encoding: Encoding, levels: Levels): Encoder {
  return encoders[encoding](levels);
}

/** Returns the encoding that an `accept-encoding` header prefers; `undefined` to send the body unencoded. */
export function preferredEncoding(
  accepted: string | null,
  encodings: readonly Encoding[],
): Encoding | undefined {
  const headers = { 'accept-encoding': accepted ?? '' };
  // The types of negotiator lack `preferred`.
  const negotiator = new Negotiator({ headers }) as unknown as PreferringNegotiator;
  const [first] = negotiator.encodings([...encodings, 'identity'], { preferred: encodings });
  return first === 'identity' ? undefined : (first as Encoding | undefined);
}
