// Lets jest import the page of the inspector as the build does: as the text of its one file.
const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { readdirSync, readFileSync } = require('node:fs');
const path = require('node:path');

const script = path.join(__dirname, 'inspector-page.mjs');
const folders = ['page', 'shown'].map(name => path.join(__dirname, '../../adapters/inspector', name));

module.exports = {
  process() {
    const page = execFileSync(process.execPath, [script], { encoding: 'utf8' });
    return { code: `module.exports = { __esModule: true, default: ${JSON.stringify(page)} };` };
  },
  /** The page is put together anew if any of its files has changed. */
  getCacheKey() {
    const hash = createHash('sha256');
    const files = folders.flatMap(folder => readdirSync(folder).map(name => path.join(folder, name)));
    for (const file of [script, ...files]) hash.update(readFileSync(file));
    return hash.digest('hex');
  },
};
