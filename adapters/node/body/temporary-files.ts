import { promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { misuse, misuseWith, toError } from '../../../core/adapter.js';

/** The files of one request, in their own folder, which is created with the first one. */
export class TemporaryFiles {
  #folder: Promise<string> | undefined;
  readonly #files: TemporaryFile[] = [];
  #isRemoved = false;

  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** Creates a file that only this user may read. Rejects with `FORM_FILE` and `FORM_LATE`. */
  async create(): Promise<TemporaryFile> {
    if (this.#isRemoved) throw misuse('FORM_LATE');
    this.#folder ??= fs.mkdtemp(path.join(tmpdir(), 'callnext-'));
    const folder = await this.#folder.catch(cause => this.refuse(tmpdir(), cause));
    const file = path.join(folder, crypto.randomUUID());
    const handle = await fs.open(file, 'wx', 0o600).catch(cause => this.refuse(file, cause));
    const created = new TemporaryFile(file, handle, this);
    this.#files.push(created);
    if (this.#isRemoved) await this.remove();
    return created;
  }

  /** Removes all files, including those that are being created. */
  async remove(): Promise<void> {
    this.#isRemoved = true;
    if (this.#folder === undefined) return;
    await Promise.allSettled(this.#files.map(file => file.close()));
    // If the folder could not be created, the caller of `create()` already has the error.
    const folder = await this.#folder.catch(() => undefined);
    if (folder !== undefined) await fs.rm(folder, { recursive: true, force: true });
  }

  /** Throws the error for a file that the system refuses, or `FORM_LATE` if the files are being removed. */
  refuse(file: string, cause: unknown): never {
    if (this.#isRemoved) throw misuse('FORM_LATE');
    throw misuseWith({ cause }, 'FORM_FILE', file, toError(cause).message);
  }
}

/** A file that is being written. */
export class TemporaryFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #files: TemporaryFiles;

  constructor(file: string, handle: FileHandle, files: TemporaryFiles) {
    this.path = file;
    this.#handle = handle;
    this.#files = files;
  }

  /** Writes all of the bytes; `FileHandle.write` may write only some of them if a disk or a quota is full. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#handle.writeFile(bytes).catch(cause => this.#files.refuse(this.path, cause));
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(cause => this.#files.refuse(this.path, cause));
  }

  /** Closes and removes the file, whatever its state. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await fs.rm(this.path, { force: true }).catch(() => undefined);
  }
}
