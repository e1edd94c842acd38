import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Files } from '../../core/index.js';

/** The files of this machine. */
export const files: Files = {
  async stat(path) {
    const { size, mtime, isFile } = await stat(path).then(found => ({ ...found, isFile: found.isFile() }));
    return { size, modified: mtime, isFile };
  },
  async *read(path, start, end) {
    yield* createReadStream(path, { start, end });
  },
};
