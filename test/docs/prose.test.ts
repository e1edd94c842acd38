import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(__dirname, '../..');
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'callnext-prose-'));
  mkdirSync(path.join(directory, 'scripts'));
  for (const name of ['scripts/check-prose.mjs', 'scripts/prose'])
    cpSync(path.join(root, name), path.join(directory, name), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const put = (name: string, text: string) => writeFileSync(path.join(directory, name), text);
const ceilings = () => JSON.parse(readFileSync(path.join(directory, 'scripts/prose-baseline.json'), 'utf8'));

function check(...options: string[]): string {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [path.join(directory, 'scripts/check-prose.mjs'), ...options],
    { encoding: 'utf8' },
  );
  return `${status}\n${stdout}${stderr}`;
}

const wide = 'word '.repeat(25).trim();

it('finds wide lines and phrases in comments, in strings and in Markdown', () => {
  put('scripts/prose-baseline.json', '{}');
  put('a.ts', `// Nobody is told of it.\nexport const a = '${wide}';\nexport const told = a;\n`);
  put('a.md', `The handler is through.\n\n${wide}\n`);
  const found = check();
  expect(found).toMatch(/^1\n/);
  expect(found.match(/^ {2}.*/gm)).toEqual([
    '  a.md:1: "is through"; write: has finished',
    '  a.md:3: 124 columns, of at most 120',
    '  a.ts:1: "told"; write: reported, notified',
    '  a.ts:2: 144 columns, of at most 110',
  ]);
});

it('ignores code, tables, addresses, badges and names in backticks', () => {
  put('scripts/prose-baseline.json', '{}');
  put('a.ts', `export const told = ['${'x'.repeat(120)}'];\n// See https://example.com/${'x'.repeat(120)}\n`);
  put(
    'a.md',
    `| ${wide} |\n\n\`\`\`ts\n// told: ${wide}\n\`\`\`\n\n[![${wide}](a.svg)](a)\n\nRead \`told\` at <https://example.com/${'x'.repeat(120)}>\n`,
  );
  expect(check()).toMatch(/^0\nProse: 0 faults/);
});

it('ignores rows of events, HTTP bytes and programs, but not the strings beside them', () => {
  put('scripts/prose-baseline.json', '{}');
  const data = [' → told → ', '\\r\\ntold: it\\r\\n', ' => { told; } '];
  const lines = [...data.map(each => `${wide}${each}${wide}`), wide];
  put('a.ts', lines.map((each, index) => `export const a${index} = '${each}';\n`).join(''));
  expect(check().match(/^ {2}.*/gm)).toEqual(['  a.ts:4: 145 columns, of at most 110']);
});

it('lowers a ceiling, keeps that of a file that has moved, and refuses to raise one', () => {
  put('a.md', 'Nobody is told.\n\nThe handler is through.\n');
  expect(check('--update')).toMatch(/^0\n/);
  expect(ceilings()).toEqual({ 'a.md': 2 });
  mkdirSync(path.join(directory, 'docs'));
  rmSync(path.join(directory, 'a.md'));
  put('docs/a.md', 'Nobody is told.\n');
  expect(check()).toMatch(/^0\nProse: 1 faults in \d+ files, of 2 granted. Lower the ceilings/);
  expect(check('--update')).toMatch(/^0\n/);
  expect(ceilings()).toEqual({ 'docs/a.md': 1 });
  put('docs/a.md', 'Nobody is told.\n\nThe handler is through.\n');
  expect(check('--update')).toMatch(/^1\n/);
  expect(ceilings()).toEqual({ 'docs/a.md': 1 });
});
