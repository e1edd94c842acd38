import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { orderTables } from '../model/order-rows.js';
import { jobRows, requestRows } from '../tasks/order-rows.js';

const page = path.join(__dirname, '../../docs/reference/order.md');
const marks =
  /(<!-- tables: made of test\/model\/order-rows\.ts by `npm run docs:order` -->\n)[\s\S]*(<!-- end -->)/;

/** The tables of the page. */
function tables(): string {
  const sections = orderTables.map(({ heading, rows }) => {
    const lines = rows.map(({ title, shown, status }) => `| ${title} | ${shown} | ${status ?? 'gone'} |`);
    const head = '| what happens | event by event | client |\n| --- | --- | --- |';
    return `\n### ${heading}\n\n${head}\n${lines.join('\n')}\n`;
  });
  const ofTasks = taskTable('Durable tasks', requestRows) + taskTable('Durable tasks in a worker', jobRows);
  return `${sections.join('')}${ofTasks}\n`;
}

function taskTable(heading: string, rows: readonly { title: string; shown: string }[]): string {
  const lines = rows.map(({ title, shown }) => `| ${title} | ${shown} |`);
  return `\n### ${heading}\n\n| what happens | event by event |\n| --- | --- |\n${lines.join('\n')}\n`;
}

/** Removes the padding that the formatter adds to table cells. */
function unpadded(text: string): string {
  return text.replace(/ {2,}/g, ' ').replace(/-{4,}/g, '---');
}

it('shows the rows that the tests execute', () => {
  const text = readFileSync(page, 'utf8');
  const expected = text.replace(marks, (_all, start, end) => start + tables() + end);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(page, expected);
  else expect(unpadded(text)).toBe(unpadded(expected));
  expect(text).toMatch(marks);
});
