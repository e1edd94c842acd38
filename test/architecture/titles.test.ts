import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Expression, parseSync } from '@swc/core';

const root = path.join(__dirname, '../..');
const limit = 90;
const callees = ['describe', 'it', 'test'];

function testFiles(folder: string): string[] {
  const entries = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  return entries.filter(entry => entry.endsWith('.test.ts')).map(entry => path.join(folder, entry));
}

/** The leading name of a callee: `it` of `it.each(rows)`. */
function nameOf(callee: Expression): string {
  if (callee.type === 'Identifier') return callee.value;
  if (callee.type === 'MemberExpression') return nameOf(callee.object);
  if (callee.type === 'CallExpression' && callee.callee.type !== 'Super' && callee.callee.type !== 'Import')
    return nameOf(callee.callee);
  return '';
}

/** The literal parts of a title, without template expressions. */
function literalOf(title: Expression | undefined): string {
  if (title?.type === 'StringLiteral') return title.value;
  if (title?.type === 'TemplateLiteral') return title.quasis.map(({ cooked }) => cooked).join('');
  return '';
}

/** The part of a syntax node that a walk needs. */
interface SyntaxNode {
  readonly type?: string;
}

function titlesOf(node: SyntaxNode, titles: string[] = []): string[] {
  if (node.type === 'CallExpression') {
    const { callee, arguments: args } = node as Expression & { type: 'CallExpression' };
    if (callees.includes(nameOf(callee as Expression))) titles.push(literalOf(args[0]?.expression));
  }
  for (const value of Object.values(node))
    if (typeof value === 'object' && value !== null) titlesOf(value, titles);
  return titles;
}

test('no title of a test or block is longer than 90 characters', () => {
  const files = [...testFiles('test'), ...testFiles('examples')];
  const titles = files.flatMap(file => {
    const tree = parseSync(readFileSync(path.join(root, file), 'utf8'), { syntax: 'typescript' });
    return titlesOf(tree).map(title => ({ file, title }));
  });
  expect(titles.length).toBeGreaterThan(1_000);
  expect(titles.filter(({ title }) => title.length > limit)).toEqual([]);
}, 30_000);
