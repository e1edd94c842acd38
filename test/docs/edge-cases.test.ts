import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../..');
const rows = readFileSync(path.join(root, 'docs/internals/edge-cases.md'), 'utf8')
  .split('\n')
  .filter(line => /^\| \d/.test(line))
  .map(line => line.split('|').map(cell => cell.trim()));

it('names every edge case once', () => {
  expect(rows.map(([, number]) => Number(number))).toEqual(rows.map((_row, index) => index + 1));
});

it.each(rows.map(([, number, name, title, file]) => [`${number}: ${name}`, title, file]))(
  'has a test of %s',
  (_name, title, file) => {
    const source = readFileSync(path.join(root, String(file).replaceAll('`', '')), 'utf8');
    expect(source).toContain(title);
  },
);
