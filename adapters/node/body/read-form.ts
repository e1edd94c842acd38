import type { EventEmitter } from 'node:events';
import { openAsBlob } from 'node:fs';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import {
  type FormLimits,
  formErrors,
  KeptBytes,
  RepeatedWait,
  tooLarge,
  UploadFile,
  unescapedName,
} from '../../../core/adapter.js';
import type { TemporaryFile, TemporaryFiles } from './temporary-files.js';

/** A part of a form, in the order of arrival. */
type Entry = readonly [name: string, value: string | Promise<UploadFile>];

/**
 * Reads a multipart form as it arrives. Files stay in memory up to `maxMemory` for all of them together; the
 * others are written to `files`.
 *
 * Rejects with an HTTPException of 400, with Starlette's messages, or of 413. A form that ends before its
 * last boundary is refused; Starlette accepts the part that arrived.
 */
export async function readForm(
  body: AsyncIterable<Uint8Array>,
  type: string,
  limits: FormLimits,
  files: TemporaryFiles,
): Promise<FormData> {
  if (!/;\s*boundary=./i.test(type)) throw formErrors.boundary();
  const reading = new FormReading(type, limits, files);
  try {
    for await (const chunk of inPages(body)) await reading.write(chunk);
    return await reading.end();
  } catch (error) {
    await reading.abort();
    throw error;
  }
}

/** The parser creates several objects for each chunk that it receives. */
const worthParsing = 16 * 1024;

/** Yields the same bytes, in chunks that are worth parsing. */
async function* inPages(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, unknown> {
  const kept = new KeptBytes();
  for await (const chunk of body) {
    kept.push(chunk);
    if (kept.size >= worthParsing) yield* kept.takeAll();
  }
  yield* kept.takeAll();
}

class FormReading {
  readonly #parser: BusboyInstance;
  readonly #limits: FormLimits;
  readonly #files: TemporaryFiles;
  readonly #entries: Entry[] = [];
  readonly #streams: Readable[] = [];
  readonly #onDisk: TemporaryFile[] = [];
  #fileCount = 0;
  #fieldCount = 0;
  /** The number of parts with a `content-disposition`. The parser skips the others. */
  #disposed = 0;
  /** The bytes of the fields, and of all names and types. */
  #textSize = 0;
  /** The bytes of the files that are not on disk. */
  #fileSize = 0;
  #failure: Error | undefined;
  readonly #finished: RepeatedWait<void>;
  #stop!: () => void;

  constructor(type: string, limits: FormLimits, files: TemporaryFiles) {
    this.#limits = limits;
    this.#files = files;
    this.#finished = new RepeatedWait(
      new Promise(resolve => {
        this.#stop = resolve;
      }),
    );
    this.#parser = this.#makeParser(type);
    this.#parser.on('field', (name: string | undefined, value, _nameCut, isCut) =>
      this.#onField(name, value, isCut),
    );
    this.#parser.on('file', (name: string | undefined, stream, filename, _coding, mimeType) =>
      this.#onFile(name, stream as Readable, filename, mimeType),
    );
    this.#parser.on('partsLimit', () => this.#onPartsLimit());
    this.#parser.on('error', () => this.#fail(formErrors.data()));
    this.#parser.once('finish', this.#stop);
    goOnBehindParts(this.#parser);
  }

  /**
   * Throws an HTTPException of 400 for a boundary that the parser refuses, such as one of more than 252
   * characters.
   */
  #makeParser(type: string): BusboyInstance {
    const { maxFields, maxFiles, maxPartSize, maxText } = this.#limits;
    try {
      return new Busboy({
        headers: { 'content-type': type },
        limits: { fieldSize: Math.min(maxPartSize, maxText), parts: maxFields + maxFiles + 1 },
        // As in Starlette: a part with a file name is a file, whatever its type.
        isPartAFile: (_name, _type, filename) => {
          this.#disposed += 1;
          return filename !== undefined;
        },
      });
    } catch {
      throw formErrors.data();
    }
  }

  /** Resolves when there is room for more. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    const written = new Promise<void>(resolve => {
      this.#parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), () => resolve());
    });
    await this.#finished.or(written);
  }

  async end(): Promise<FormData> {
    this.#parser.end();
    await this.#finished.promise;
    if (this.#failure) throw this.#failure;
    const form = new FormData();
    for (const [name, value] of this.#entries) form.append(name, (await value) as string);
    return form;
  }

  #onField(name: string | undefined, value: string, isCut: boolean): void {
    const { maxFields, maxPartSize, maxText } = this.#limits;
    this.#fieldCount += 1;
    if (name === undefined) this.#fail(formErrors.name());
    else if (this.#fieldCount > maxFields) this.#fail(formErrors.fields(maxFields));
    else if (isCut) this.#fail(maxPartSize > maxText ? tooLarge(maxText) : formErrors.part(maxPartSize));
    else if (this.#hold(name, value)) this.#entries.push([textOf(name), value]);
  }

  #onFile(name: string | undefined, stream: Readable, filename: string, type: string): void {
    const { maxFiles } = this.#limits;
    this.#fileCount += 1;
    // The parser also reports an incomplete form by an event on the file.
    stream.on('error', () => undefined);
    if (name === undefined) this.#fail(formErrors.name());
    else if (this.#fileCount > maxFiles) this.#fail(formErrors.files(maxFiles));
    if (name === undefined || !this.#hold(name, filename, type)) {
      stream.resume();
      return;
    }
    this.#streams.push(stream);
    const file = this.#receive(stream, textOf(filename), copyOf(type));
    file.catch(error => this.#fail(error));
    this.#entries.push([textOf(name), file]);
  }

  /** A surplus field or file has its own error. */
  #onPartsLimit(): void {
    const most = this.#limits.maxFields + this.#limits.maxFiles;
    if (this.#disposed <= most) this.#fail(formErrors.parts(most));
  }

  /** Counts what stays in memory. Returns false if that is too much, or if the form was already refused. */
  #hold(...texts: readonly string[]): boolean {
    for (const text of texts) this.#textSize += Buffer.byteLength(text);
    if (this.#textSize > this.#limits.maxText) this.#fail(tooLarge(this.#limits.maxText));
    return this.#failure === undefined;
  }

  /** Receives a file into memory, and moves it to disk if it is too large. */
  async #receive(stream: Readable, name: string, type: string): Promise<UploadFile> {
    const kept = new KeptBytes();
    let onDisk: TemporaryFile | undefined;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      kept.push(chunk);
      if (!onDisk) {
        this.#fileSize += chunk.byteLength;
        if (this.#textSize + this.#fileSize <= this.#limits.maxMemory) continue;
        this.#fileSize -= kept.size;
        onDisk = await this.#files.create();
        this.#onDisk.push(onDisk);
      }
      for (const part of kept.takeAll()) await onDisk.write(part);
    }
    if (!onDisk) return new UploadFile(kept.chunks(), name, { type });
    await onDisk.close();
    const { path } = onDisk;
    return new UploadFile([await openAsBlob(path, { type })], name, { type, path });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#stop();
  }

  /** Ends everything in progress, so that nothing waits forever, and removes the written files. */
  async abort(): Promise<void> {
    this.#parser.destroy();
    for (const stream of this.#streams) stream.destroy();
    await Promise.allSettled(this.#entries.map(([, value]) => value));
    await Promise.all(this.#onDisk.map(file => file.discard()));
  }
}

/**
 * Reads on behind large parts: the parser waits until a part larger than its buffer is read, and on Node 20
 * no read follows once all of the part has arrived. The form would never end (@fastify/busboy 3.2.6).
 */
function goOnBehindParts(parser: BusboyInstance): void {
  const { parser: dicer } = (parser as { _parser?: { parser?: EventEmitter } })._parser ?? {};
  dicer?.on('part', (part: Readable) => part.once('end', () => part._read(0)));
}

/** Copies a text: the parser's is a slice of the head of its part, and would keep all of that in memory. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

function textOf(name: string): string {
  return unescapedName(copyOf(name));
}
