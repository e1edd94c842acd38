import { misuse } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';
import { asAnswer, HTTPException } from './http-exception.js';

/** The limits of a form. FastAPI's `request.form(max_files=…)`. */
export interface FormOptions {
  /** 1000 unless set. */
  maxFiles?: number;
  /** 1000 unless set. */
  maxFields?: number;
  /**
   * Bytes of one field; 1 MiB unless set, or the layer's `maxBodySize` where that is less. Files may have any
   * size.
   */
  maxPartSize?: number;
}

/** The limits that an adapter reads a form with. */
export interface FormLimits extends Required<FormOptions> {
  /** Bytes of all fields, names and types together. More of them is a 413. */
  readonly maxText: number;
  /** Bytes of the fields and of the files that are not on disk. More files than that go to disk. */
  readonly maxMemory: number;
}

const kibibyte = 1024;
const defaults: Required<FormOptions> = { maxFiles: 1000, maxFields: 1000, maxPartSize: kibibyte * kibibyte };

/** Throws `FORM_OPTIONS`. */
export function formLimits(options: FormOptions, maxBodySize: number): FormLimits {
  checkOptions('request.form()', options, defaults satisfies Record<keyof FormOptions, number>);
  const limits = { ...defaults, ...options };
  for (const [name, value] of Object.entries(limits))
    if (!(typeof value === 'number' && value >= 0)) throw misuse('FORM_OPTIONS', name, value);
  return { ...limits, maxText: Math.max(maxBodySize, options.maxPartSize ?? 0), maxMemory: maxBodySize };
}

/** What a form is refused for, in Starlette's words. */
export const formErrors = {
  files: (limit: number) => refusal(`Too many files. Maximum number of files is ${limit}.`),
  fields: (limit: number) => refusal(`Too many fields. Maximum number of fields is ${limit}.`),
  parts: (limit: number) => refusal(`Too many parts. Maximum number of parts is ${limit}.`, 413),
  part: (limit: number) => refusal(`Part exceeded maximum size of ${Math.trunc(limit / kibibyte)}KB.`),
  field: (limit: number) => refusal(`Field exceeded maximum size of ${Math.trunc(limit / kibibyte)}KB.`),
  boundary: () => refusal('Missing boundary in multipart.'),
  name: () => refusal('The Content-Disposition header field "name" must be provided.'),
  data: () => refusal('Invalid multipart data.'),
};

function refusal(detail: string, status = 400): HTTPException {
  return new HTTPException(status, detail);
}

/** A body that is no form. A `TypeError` as in Fetch, answered with a 415. */
export function notAForm(type: string | null): TypeError {
  const message = `The body is no form: its content type is ${JSON.stringify(type ?? '')}.`;
  return asAnswer(new TypeError(message), 415);
}

/** The kind of form that a content type names; `undefined` for a body that is none. */
export function kindOfForm(type: string | null): 'urlencoded' | 'multipart' | undefined {
  const essence = essenceOf(type);
  if (essence === 'application/x-www-form-urlencoded') return 'urlencoded';
  return essence === 'multipart/form-data' ? 'multipart' : undefined;
}

/** What of a content type says how a body is read: in lower case, without its parameters. */
export function essenceOf(type: string | null): string {
  return (type ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** A form that is urlencoded, within its limits. Throws an HTTPException of 400. */
export function urlencodedForm(text: string, { maxFields, maxPartSize }: FormLimits): FormData {
  const form = new FormData();
  let fields = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    fields += 1;
    if (fields > maxFields) throw formErrors.fields(maxFields);
    // Each character is a byte at least.
    if (name.length + value.length > maxPartSize) throw formErrors.field(maxPartSize);
    form.append(name, value);
  }
  return form;
}

interface UploadFileOptions {
  type?: string;
  path?: string;
}

const knownOptions = { type: true, path: true } satisfies OptionNames<UploadFileOptions>;

/**
 * A file of a form: a `File` of the platform, in memory or on disk. One that is on disk is read when it is
 * asked for, and removed when the last background task of the request has run. FastAPI's `UploadFile`.
 */
export class UploadFile extends File {
  /**
   * Where it lies on disk, so that it may be moved away instead of copied; `undefined` where it is in memory.
   */
  readonly path: string | undefined;

  constructor(parts: readonly (Uint8Array | Blob)[], name: string, options: UploadFileOptions = noOptions) {
    checkOptions('new UploadFile()', options, knownOptions);
    super(parts as never, name, options.type === undefined ? {} : { type: options.type });
    this.path = options.path;
  }

  /** The name that the client gave it, without any folders. Never a path to write to as it is. */
  get filename(): string {
    return this.name;
  }

  get contentType(): string {
    return this.type;
  }
}

/**
 * A form of either content type, read as the platform reads it. Throws a `TypeError` for bytes that are no
 * form.
 */
export function formDataOf(bytes: ArrayBuffer, type: string | null): Promise<FormData> {
  return new globalThis.Response(bytes, { headers: { 'content-type': type ?? '' } }).formData();
}
