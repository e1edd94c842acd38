import { promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Files, OpenFile } from '../../../core/adapter.js';

/** How much is read at once, in bytes: as much as Node's own file streams read. */
const chunkSize = 65_536;

/** The files of this machine. */
export const files: Files = {
  async open(path) {
    // Checked before opening: opening a pipe waits for a writer.
    const found = await fs.stat(path);
    return found.isFile() ? describe(await fs.open(path)) : undefined;
  },
};

async function describe(handle: FileHandle): Promise<OpenFile> {
  try {
    const { size, mtime } = await handle.stat();
    return {
      size,
      modified: mtime,
      read: (start, end) => chunksOf(handle, start, end),
      close: () => handle.close(),
    };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

async function* chunksOf(handle: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let position = start; position <= end; ) {
    const length = Math.min(chunkSize, end - position + 1);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield bytesRead === length ? buffer : buffer.subarray(0, bytesRead);
  }
}
