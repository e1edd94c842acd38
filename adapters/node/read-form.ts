import { randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { Busboy, BusboyInstance } from '@fastify/busboy';
import { type FormLimits, formErrors, misuse, tooLarge, UploadFile } from '../../core/index.js';

/** A part of a form, in the order in which it came. */
type Entry = readonly [name: string, value: string | Promise<UploadFile>];

/**
 * Reads a multipart form as it arrives. Files stay in memory as long as all of them together are no more than `maxMemory` allows; the
 * others are written to `files`.
 *
 * Rejects with an HTTPException of 400 in Starlette's words, and of 413. A form that ends before its last boundary is refused, where
 * Starlette takes what there is.
 */
export async function readForm(
  body: AsyncIterable<Uint8Array>,
  type: string,
  limits: FormLimits,
  files: TemporaryFiles,
): Promise<FormData> {
  if (!/;\s*boundary=./i.test(type)) throw formErrors.boundary();
  // Loaded by the first form: it takes a seventh of the time of the package's import.
  const parser = await import('@fastify/busboy');
  const reading = new FormReading(parser.Busboy, type, limits, files);
  try {
    for await (const chunk of body) await reading.write(chunk);
    return await reading.end();
  } catch (error) {
    reading.abort();
    throw error;
  }
}

class FormReading {
  readonly #parser: BusboyInstance;
  readonly #limits: FormLimits;
  readonly #files: TemporaryFiles;
  readonly #entries: Entry[] = [];
  readonly #streams: Readable[] = [];
  #fileCount = 0;
  #fieldCount = 0;
  /** Bytes of the fields, and of the files that are not on disk. */
  #inMemory = 0;
  #failure: Error | undefined;
  readonly #finished: Promise<void>;
  #stop!: () => void;

  constructor(Parser: typeof Busboy, type: string, limits: FormLimits, files: TemporaryFiles) {
    this.#limits = limits;
    this.#files = files;
    this.#parser = new Parser({
      headers: { 'content-type': type },
      limits: { fieldSize: limits.maxPartSize },
      // As Starlette has it: what has a file name is a file, whatever its type.
      isPartAFile: (_name, _type, filename) => filename !== undefined,
    });
    this.#finished = new Promise(resolve => {
      this.#stop = resolve;
    });
    this.#parser.on('field', (name: string | undefined, value, _nameCut, isCut) =>
      this.#onField(name, value, isCut),
    );
    this.#parser.on('file', (name: string | undefined, stream, filename, _coding, mimeType) =>
      this.#onFile(name, stream as Readable, filename, mimeType),
    );
    this.#parser.on('error', () => this.#fail(formErrors.data()));
    this.#parser.once('finish', this.#stop);
  }

  /** Resolves when there is room for more. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    const written = new Promise<void>(resolve => {
      this.#parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), () => resolve());
    });
    await Promise.race([written, this.#finished]);
  }

  async end(): Promise<FormData> {
    this.#parser.end();
    await this.#finished;
    if (this.#failure) throw this.#failure;
    const form = new FormData();
    for (const [name, value] of this.#entries) form.append(name, (await value) as string);
    return form;
  }

  #onField(name: string | undefined, value: string, isCut: boolean): void {
    const { maxFields, maxPartSize, maxMemory } = this.#limits;
    this.#fieldCount += 1;
    this.#inMemory += value.length;
    if (name === undefined) this.#fail(formErrors.name());
    else if (this.#fieldCount > maxFields) this.#fail(formErrors.fields(maxFields));
    else if (isCut) this.#fail(formErrors.part(maxPartSize));
    else if (this.#inMemory > maxMemory) this.#fail(tooLarge(maxMemory));
    else this.#entries.push([unescaped(name), value]);
  }

  #onFile(name: string | undefined, stream: Readable, filename: string, type: string): void {
    const { maxFiles } = this.#limits;
    this.#fileCount += 1;
    if (name === undefined) this.#fail(formErrors.name());
    else if (this.#fileCount > maxFiles) this.#fail(formErrors.files(maxFiles));
    if (this.#failure || name === undefined) {
      stream.on('error', () => undefined).resume();
      return;
    }
    this.#streams.push(stream);
    const file = this.#receive(stream, unescaped(filename), type);
    file.catch(error => this.#fail(error));
    this.#entries.push([unescaped(name), file]);
  }

  /** Takes a file in: into memory, and from there to disk where that is too much. */
  async #receive(stream: Readable, name: string, type: string): Promise<UploadFile> {
    const parts: Buffer[] = [];
    let size = 0;
    let spool: Spool | undefined;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (spool === undefined) {
        parts.push(chunk);
        size += chunk.byteLength;
        this.#inMemory += chunk.byteLength;
        if (this.#inMemory <= this.#limits.maxMemory) continue;
        this.#inMemory -= size;
        spool = await this.#files.create();
        for (const part of parts.splice(0)) await spool.handle.write(part);
      } else await spool.handle.write(chunk);
    }
    if (spool === undefined) return new UploadFile(parts, name, { type });
    await spool.handle.close();
    const { path } = spool;
    return new UploadFile([await openAsBlob(path, { type })], name, { type, path });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#stop();
  }

  /** Ends what is under way, so that nothing waits for what will not come. */
  abort(): void {
    this.#parser.destroy();
    for (const stream of this.#streams) stream.destroy();
  }
}

const escapes: Readonly<Record<string, string>> = { '%22': '"', '%0a': '\n', '%0d': '\r' };

/** What browsers write for what would end a name (HTML, 4.10.21.8), undone as Fetch does. */
function unescaped(name: string): string {
  return name.replace(/%(22|0a|0d)/gi, found => escapes[found.toLowerCase()] as string);
}

/** A file that is being written. */
interface Spool {
  readonly path: string;
  readonly handle: FileHandle;
}

/** The files of one request, in a folder of their own that is made when the first one comes. */
export class TemporaryFiles {
  #folder: Promise<string> | undefined;
  readonly #open: FileHandle[] = [];
  #isRemoved = false;

  /** A new file, which only this user may read. */
  async create(): Promise<Spool> {
    if (this.#isRemoved) throw misuse('FORM_LATE');
    this.#folder ??= mkdtemp(path.join(tmpdir(), 'callnext-'));
    const file = path.join(await this.#folder, randomUUID());
    const handle = await open(file, 'wx', 0o600);
    this.#open.push(handle);
    if (this.#isRemoved) await this.remove();
    return { path: file, handle };
  }

  /** Removes all of them, and those that are still being made. */
  async remove(): Promise<void> {
    this.#isRemoved = true;
    if (this.#folder === undefined) return;
    await Promise.allSettled(this.#open.map(handle => handle.close()));
    // Where none could be made, whoever wanted it has been told.
    const folder = await this.#folder.catch(() => undefined);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
