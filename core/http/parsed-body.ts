import { essenceOf, kindOfForm, notAForm, UploadFile } from './form.js';
import { parseJSON } from './json.js';
import { nameAsSent } from './part-names.js';

/** The result of a framework's body parser that has consumed the bytes. */
export interface ParsedBody {
  readonly value: unknown;
  /** The bytes, if the parser or its user kept them as `req.rawBody`. */
  readonly raw: Uint8Array | undefined;
  /** The error for a reader that needs the lost bytes. */
  refuse(reader: string): Error;
  /** The files of a multipart form; `undefined` if only the parser can read them. */
  files(): readonly ParsedFile[] | undefined;
}

/** A file as a parser kept it, in memory or on disk. */
export interface ParsedFile {
  readonly field: string;
  readonly name: string;
  readonly type: string;
  readonly content: Uint8Array | (() => Promise<Blob>);
}

/** The bytes that were kept, or a text or bytes that the parser returned unchanged. */
function keptBytes({ value, raw }: ParsedBody, type: string | null): Uint8Array | undefined {
  if (raw) return raw;
  if (value instanceof Uint8Array) return value;
  const charset = /;\s*charset="?([^\s;"]+)/i.exec(type ?? '')?.[1] ?? 'utf-8';
  return typeof value === 'string' && /^(utf-?8|us-ascii)$/i.test(charset)
    ? new TextEncoder().encode(value)
    : undefined;
}

/** The bytes of a parsed body. Throws `BODY_PARSED` if they are gone. */
export function parsedBytes(parsed: ParsedBody, type: string | null, reader: string): Uint8Array {
  const bytes = keptBytes(parsed, type);
  if (bytes === undefined) throw parsed.refuse(reader);
  return bytes;
}

export function parsedText(parsed: ParsedBody, type: string | null): string {
  const { value, raw } = parsed;
  if (typeof value === 'string' && raw === undefined) return value;
  return new TextDecoder().decode(parsedBytes(parsed, type, 'text()'));
}

/** The object that a JSON parser produced, not a copy. */
export function parsedJSON(parsed: ParsedBody, type: string | null): unknown {
  const { value, raw } = parsed;
  const isText = raw !== undefined || typeof value === 'string' || value instanceof Uint8Array;
  if (isText) return parseJSON(parsedText(parsed, type));
  // A form is not JSON, whatever its fields are.
  return kindOfForm(type) ? parseJSON(essenceOf(type)) : value;
}

/** The fields and files of a parsed form. Throws `BODY_PARSED` if the parser changed them. */
export async function parsedForm(parsed: ParsedBody, type: string | null): Promise<FormData> {
  const { fields, files } = partsOfForm(parsed, type, 'formData()');
  const opened = files.map(async file => {
    const content = typeof file.content === 'function' ? await file.content() : file.content;
    return { ...file, content };
  });
  return formWith(fields, await Promise.all(opened));
}

/** Rebuilds a parsed body for a Fetch library: the same data, not the same bytes. Throws `BODY_PARSED`. */
export function rebuiltBody(
  parsed: ParsedBody,
  type: string | null,
): string | Uint8Array | URLSearchParams | FormData {
  const bytes = keptBytes(parsed, type);
  if (bytes) return bytes;
  const kind = kindOfForm(type);
  if (kind === undefined) {
    if (typeof parsed.value === 'string' || !/[/+]json$/.test(essenceOf(type))) throw parsed.refuse('native');
    return JSON.stringify(parsed.value);
  }
  const { fields, files } = partsOfForm(parsed, type, 'native');
  if (kind === 'urlencoded') return new URLSearchParams(fields as [string, string][]);
  // Files on disk cannot be opened synchronously, as `request.native` would need.
  if (!files.every(hasContent)) throw parsed.refuse('native');
  return formWith(fields, files);
}

type OpenFile = Omit<ParsedFile, 'content'> & { readonly content: Uint8Array | Blob };

function hasContent(file: ParsedFile): file is ParsedFile & OpenFile {
  return typeof file.content !== 'function';
}

function formWith(fields: readonly (readonly [string, string])[], files: readonly OpenFile[]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  for (const { field, name, type, content } of files)
    form.append(field, new UploadFile([content], name, { type }));
  return form;
}

function partsOfForm(
  parsed: ParsedBody,
  type: string | null,
  reader: string,
): { fields: readonly (readonly [string, string])[]; files: readonly ParsedFile[] } {
  const kind = kindOfForm(type);
  if (kind === undefined) throw notAForm(type);
  const fields = flatFields(parsed.value);
  const files = kind === 'multipart' ? parsed.files() : [];
  if (!fields || !files) throw parsed.refuse(reader);
  if (kind === 'urlencoded') return { fields, files };
  return {
    fields: fields.map(([name, value]) => [nameAsSent(name), value] as const),
    files: files.map(file => ({ ...file, field: nameAsSent(file.field), name: nameAsSent(file.name) })),
  };
}

/** Flattens fields to texts and lists of texts. A parser nests fields by their names. */
function flatFields(value: unknown): [string, string][] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = Object.entries(value).flatMap(([name, each]) =>
    [each].flat().map(text => [name, text] as const),
  );
  return fields.every(([, text]) => typeof text === 'string') ? (fields as [string, string][]) : undefined;
}
