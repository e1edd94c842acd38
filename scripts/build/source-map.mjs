import { readFileSync, writeFileSync } from 'node:fs';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { parseSync } from 'rolldown/utils';

/** Reduces a source map to a third: it maps lines only, and contains the code of its sources line by line. */
export function slim(file) {
  const { mappings, sources, sourcesContent, ...map } = JSON.parse(readFileSync(file, 'utf8'));
  const slimmed = {
    ...map,
    names: [],
    sources,
    sourcesContent: sources.map((source, index) =>
      source.endsWith('-messages.ts') ? null : shown(source, sourcesContent[index]),
    ),
    mappings: encode(decode(mappings).map(toLines)),
  };
  writeFileSync(file, JSON.stringify(slimmed));
}

/** The segments of a line that lead to a new source line. */
function toLines(segments) {
  const kept = [];
  for (const [column, source, line, sourceColumn] of segments) {
    const last = kept.at(-1);
    if (source === undefined || (last?.[1] === source && last[2] === line)) continue;
    kept.push([column, source, line, sourceColumn]);
  }
  return kept;
}

/** A source as a debugger shows it, line by line, without comments, imports and types. */
function shown(name, text) {
  const { program, comments } = parseSync(name, text);
  const spans = [...comments, ...erasedIn(program)].sort((one, other) => one.start - other.start);
  let [code, end] = ['', 0];
  for (const span of spans) {
    if (span.start >= end) code += text.slice(end, span.start);
    code += text.slice(Math.max(span.start, end), span.end).replace(/[^\n]/g, '');
    end = Math.max(end, span.end);
  }
  code += text.slice(end);
  return code
    .replace(/ implements[ ,]*(?=\{)/g, ' ')
    .replace(/^(\s*)(?:(?:readonly|private|protected|abstract|override) )+/gm, '$1')
    .replace(/^(?: {2})+/gm, indent => ' '.repeat(indent.length / 2))
    .replace(/[ \t]+$/gm, '');
}

function erasedIn(node, found = []) {
  if (node === null || typeof node !== 'object') return found;
  const { type, end, expression } = node;
  const isCast = /^TS(As|Satisfies|NonNull)Expression$/.test(type);
  const hasNoCode = node.declaration && erasedIn(node.declaration).some(each => each === node.declaration);
  if (isCast) found.push({ start: expression.end, end });
  if (isCast) return erasedIn(expression, found);
  if (type === 'ImportDeclaration' || /^TS/.test(type) || hasNoCode) found.push(node);
  else for (const child of Object.values(node)) erasedIn(child, found);
  return found;
}
