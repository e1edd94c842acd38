import { misuse } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';
import { asAnswer, HTTPException } from './http-exception.js';

/** The limits of a form. FastAPI's `request.form(max_files=…)`. */
export interface FormOptions {
  /** 1000 by default. */
  maxFiles?: number;
  /** 1000 by default. */
  maxFields?: number;
  /**
   * Bytes per field; by default 1 MiB or the layer's `maxBodySize`, whichever is less. Files are not limited.
   */
  maxPartSize?: number;
}

/** The limits that an adapter applies to a form. */
export interface FormLimits extends Required<FormOptions> {
  /** Total bytes of all fields, names and types. More is a 413. */
  readonly maxText: number;
  /** Total bytes of fields and files held in memory. Further files go to disk. */
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

/** The errors of a refused form, in Starlette's words. */
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

/** The error of a body that is not a form: a `TypeError` as in Fetch, answered with a 415. */
export function notAForm(type: string | null): TypeError {
  const message = `The body is no form: its content type is ${JSON.stringify(type ?? '')}.`;
  return asAnswer(new TypeError(message), 415);
}

/** The kind of form that a content type names; `undefined` if it is not a form. */
export function kindOfForm(type: string | null): 'urlencoded' | 'multipart' | undefined {
  const essence = essenceOf(type);
  if (essence === 'application/x-www-form-urlencoded') return 'urlencoded';
  return essence === 'multipart/form-data' ? 'multipart' : undefined;
}

/** A content type in lower case, without its parameters. */
export function essenceOf(type: string | null): string {
  return (type ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Parses an urlencoded form within its limits. Throws an HTTPException of 400. */
export function urlencodedForm(text: string, { maxFields, maxPartSize }: FormLimits): FormData {
  const form = new FormData();
  let fields = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    fields += 1;
    if (fields > maxFields) throw formErrors.fields(maxFields);
    // Each character takes at least one byte.
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
 * A file of a form: a platform `File`, in memory or on disk. A file on disk is read on demand, and removed
 * after the last background task of the request. FastAPI's `UploadFile`.
 */
export class UploadFile extends File {
  // Private, because JSON has all public fields: an error of a form repeats its files to the client.
  readonly #path: string | undefined;

  constructor(parts: readonly (Uint8Array | Blob)[], name: string, options: UploadFileOptions = noOptions) {
    checkOptions('new UploadFile()', options, knownOptions);
    super(parts as never, name, options.type === undefined ? {} : { type: options.type });
    this.#path = options.path;
  }

  /** The path on disk, so that the file can be moved instead of copied; `undefined` if it is in memory. */
  get path(): string | undefined {
    return this.#path;
  }

  /** The name that the client sent, without folders. Do not use it as a path. */
  get filename(): string {
    return this.name;
  }

  get contentType(): string {
    return this.type;
  }
}

/** Parses a form of either content type as the platform does. Throws a `TypeError` for an invalid form. */
export function formDataOf(bytes: ArrayBuffer, type: string | null): Promise<FormData> {
  return new globalThis.Response(bytes, { headers: { 'content-type': type ?? '' } }).formData();
}
