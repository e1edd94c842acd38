import { openAsBlob } from 'node:fs';
import { misuse, type ParsedBody, type ParsedFile } from '../../../core/adapter.js';

/** What the body parsers of a framework left behind. */
export interface Leftovers {
  readonly value: unknown;
  /** The bytes or text that was kept. */
  readonly rawBody: unknown;
  /** Where multipart parsers put their files: multer's, and formidable's by field name. */
  readonly files: readonly unknown[];
  readonly contentType: string | undefined;
  /** Names the parser for a kind of body, and how to keep the bytes there. */
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

/** Returns the files of a parser; `undefined` if it keeps one where only it can read it. */
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

/** Reads multer's `fieldname originalname buffer path`, and formidable's `originalFilename filepath`. */
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
