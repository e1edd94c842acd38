import { readFileSync } from 'node:fs';
import path from 'node:path';
import { differences } from './table/differences.js';

const page = readFileSync(path.join(__dirname, '../../docs/guides/from-fastapi.md'), 'utf8');
const [, section = ''] = /## Declared parameters\n([\s\S]*?)\n###? /.exec(page) ?? [];

test('the guide for FastAPI users lists every difference in declared parameters', () => {
  const listed = [...section.matchAll(/^- \*\*(.*)\.\*\*/gm)].map(([, title]) => title);
  expect(listed).toEqual(differences.map(({ title }) => title));
});

test('each difference has requests with different responses', () => {
  const pairs = differences.flatMap(({ rows }) => rows);
  expect(pairs.length).toBeGreaterThanOrEqual(differences.length);
  for (const [fastapi, here] of pairs) expect(here).not.toEqual(fastapi);
});
