import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expressPackages, koaPackages, outcomes, rowsOf } from '../compat/late-failures.js';

const page = path.join(__dirname, '../../docs/internals/late-failures.md');
const marks =
  /(<!-- tables: made of test\/compat\/late-failures\.ts by `npm run docs:late-failures` -->\n)[\s\S]*(<!-- end -->)/;

/** The tables of the page. */
function tables(): string {
  const head = `| mounted | ${outcomes.map(({ name }) => name).join(' | ')} |\n`;
  const rule = `| --- | ${outcomes.map(() => '---').join(' | ')} |\n`;
  const sections = [
    { heading: 'Express 4 and 5', rows: rowsOf(expressPackages) },
    { heading: 'Koa 2 and 3', rows: rowsOf(koaPackages, true) },
  ].map(({ heading, rows }) => {
    const lines = rows.map(cells => `| ${cells.join(' | ')} |`);
    return `\n### ${heading}\n\n${head}${rule}${lines.join('\n')}\n`;
  });
  return `${sections.join('')}\n`;
}

/** Removes the padding that the formatter adds to table cells. */
function unpadded(text: string): string {
  return text.replace(/ {2,}/g, ' ').replace(/-{4,}/g, '---');
}

it('shows the late failures that the tests execute', () => {
  const text = readFileSync(page, 'utf8');
  const expected = text.replace(marks, (_all, start, end) => start + tables() + end);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(page, expected);
  else expect(unpadded(text)).toBe(unpadded(expected));
  expect(text).toMatch(marks);
});
