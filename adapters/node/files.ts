import { constants, createReadStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import type { Files } from '../../core/index.js';

/** The files of this machine. */
export const files: Files = {
  async stat(path) {
    await access(path, constants.R_OK);
    const found = await stat(path);
    return { size: found.size, modified: found.mtime, isFile: found.isFile() };
  },
  async *read(path, start, end) {
    yield* createReadStream(path, { start, end });
  },
};
