import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.join(__dirname, '../../examples');
const index = readFileSync(path.join(folder, 'README.md'), 'utf8');

it('examples/README.md links to every folder, and to every page of the tutorial', () => {
  const folders = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory());
  const pages = readdirSync(path.join(folder, 'fastapi-tutorial'))
    .filter(file => file.endsWith('.ts'))
    .map(file => `fastapi-tutorial/${file})`);
  const expected = [...folders.map(({ name }) => `](${name}/`), ...pages];
  expect(expected.filter(link => !index.includes(link))).toEqual([]);
});
