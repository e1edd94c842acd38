import { openAsBlob } from 'node:fs';
import { misuse, type ParsedBody, type ParsedFile } from '../../../core/adapter.js';

/** Where nothing has been parsed. */
export const noParsedBody: ParsedBody = {
  value: undefined,
  raw: undefined,
  refuse: reader => misuse('BODY_CONSUMED', reader),
  files: () => undefined,
};

/** What the body parsers of a framework have left. */
export interface Leftovers {
  readonly value: unknown;
  /** The bytes, or the text, that was kept. */
  readonly rawBody: unknown;
  /**
   * Where parsers of multipart forms put their files: multer's, and those of formidable by the names of their
   * fields.
   */
  readonly files: readonly unknown[];
  readonly contentType: string | undefined;
  /** The parser of a kind of bodies, and what keeps the bytes there. */
  name(kind: 'json' | 'urlencoded' | 'multipart' | 'text' | 'raw'): { parser: string; cure: string };
}

export function parsedBodyOf({ value, rawBody, files, contentType = '', name }: Leftovers): ParsedBody {
  return {
    value,
    raw:
      typeof rawBody === 'string'
        ? Buffer.from(rawBody)
        : rawBody instanceof Uint8Array
          ? rawBody
          : undefined,
    refuse(reader) {
      const { parser, cure } = name(kindOf(value, contentType));
      return misuse('BODY_PARSED', reader, parser, cure);
    },
    files: () => parsedFiles(files),
  };
}

function kindOf(value: unknown, contentType: string): Parameters<Leftovers['name']>[0] {
  if (typeof value === 'string') return 'text';
  if (value instanceof Uint8Array) return 'raw';
  if (/^multipart\//i.test(contentType)) return 'multipart';
  return /^application\/x-www-form-urlencoded/i.test(contentType) ? 'urlencoded' : 'json';
}

/** The files that a parser has put somewhere; `undefined` where there is one that only it can read. */
function parsedFiles(places: readonly unknown[]): readonly ParsedFile[] | undefined {
  const files = places.flatMap(place => filesAt(place, ''));
  return files.includes(undefined) ? undefined : (files as ParsedFile[]);
}

function filesAt(place: unknown, field: string): (ParsedFile | undefined)[] {
  if (typeof place !== 'object' || place === null) return [];
  if (Array.isArray(place)) return place.flatMap(each => filesAt(each, field));
  const isFile = 'mimetype' in place || 'buffer' in place;
  if (isFile) return [fileAt(place as Record<string, unknown>, field)];
  return Object.entries(place).flatMap(([name, each]) => filesAt(each, name));
}

/** multer's `fieldname originalname buffer path`, and formidable's `originalFilename filepath`. */
function fileAt(file: Record<string, unknown>, field: string): ParsedFile | undefined {
  const { fieldname = field, originalname, originalFilename, mimetype, buffer, path, filepath } = file;
  const head = {
    field: String(fieldname),
    name: String(originalname ?? originalFilename ?? ''),
    type: String(mimetype ?? ''),
  };
  if (buffer instanceof Uint8Array) return { ...head, content: buffer };
  const onDisk = path ?? filepath;
  return typeof onDisk === 'string' ? { ...head, content: () => openAsBlob(onDisk) } : undefined;
}
