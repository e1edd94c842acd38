// Part of `npm run lint`: checks the width of prose and the phrases that scripts/prose/rules.mjs rules out. A
// file may have at most as many faults as scripts/prose-baseline.json grants it; `node
// scripts/check-prose.mjs --update` lowers these ceilings, and `--list` prints all faults.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeLines, markdownLines } from './prose/lines.mjs';
import { columns, phrases } from './prose/rules.mjs';

const root = path.join(import.meta.dirname, '..');
const baseline = path.join(root, 'scripts/prose-baseline.json');
const ignored = new Set(['node_modules', 'dist', '.git', 'rules.mjs', 'prose.test.ts']);
const replacements = new Map(phrases);
const ruledOut = new RegExp(
  `\\b(${phrases.map(([phrase]) => phrase.replaceAll(' ', '\\s+').replace('-', '\\w+')).join('|')})\\b`,
  'gi',
);

const ceilings = existsSync(baseline) ? JSON.parse(readFileSync(baseline, 'utf8')) : undefined;
const files = list('.').sort();
const faults = new Map(files.map(file => [file, faultsOf(file)]));
const moved = new Map(
  Object.keys(ceilings ?? {})
    .filter(file => !faults.has(file))
    .map(file => [path.basename(file), file]),
);
const above = files.filter(file => faults.get(file).length > ceilingOf(file));

if (ceilings !== undefined && above.length > 0) refuse();
else if (process.argv.includes('--update')) update();
else report();

function list(folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const name = path.posix.join(folder, entry.name);
    if (ignored.has(entry.name) || name === 'scripts/site/source') return [];
    if (entry.isDirectory()) return list(name);
    return /\.(md|[mc]?[jt]s)$/.test(entry.name) ? [name] : [];
  });
}

function faultsOf(file) {
  const text = readFileSync(path.join(root, file), 'utf8');
  const isMarkdown = file.endsWith('.md');
  const limit = isMarkdown ? columns.markdown : columns.code;
  return (isMarkdown ? markdownLines(text) : codeLines(file, text)).flatMap(line => {
    const wide = line.width > limit ? [`${line.number}: ${line.width} columns, of at most ${limit}`] : [];
    const said = [...line.text.matchAll(ruledOut)].map(
      ([phrase]) => `${line.number}: "${phrase}"${insteadOf(phrase)}`,
    );
    return [...wide, ...said];
  });
}

function insteadOf(phrase) {
  const better = replacements.get(phrase.toLowerCase().replace(/\s+/g, ' '));
  return better === undefined ? '' : `; write: ${better}`;
}

/** A moved file keeps its ceiling. */
function ceilingOf(file) {
  return ceilings?.[file] ?? ceilings?.[moved.get(path.basename(file))] ?? 0;
}

function refuse() {
  for (const file of above) {
    console.error(
      `${file} has ${faults.get(file).length} faults of prose; its ceiling is ${ceilingOf(file)}.`,
    );
    for (const fault of faults.get(file)) console.error(`  ${file}:${fault}`);
  }
  process.exitCode = 1;
}

function update() {
  const counts = files
    .map(file => [
      file,
      Math.min(faults.get(file).length, ceilings ? ceilingOf(file) : Number.MAX_SAFE_INTEGER),
    ])
    .filter(([, count]) => count > 0);
  writeFileSync(baseline, `${JSON.stringify(Object.fromEntries(counts), undefined, 2)}\n`);
  report();
}

function report() {
  const total = [...faults.values()].flat().length;
  const granted = Object.values(ceilings ?? {}).reduce((sum, count) => sum + count, 0);
  const hint = total < granted ? ' Lower the ceilings: `node scripts/check-prose.mjs --update`.' : '';
  console.log(`Prose: ${total} faults in ${files.length} files, of ${granted} granted.${hint}`);
  if (process.argv.includes('--list'))
    for (const [file, found] of faults) for (const fault of found) console.log(`${file}:${fault}`);
}
