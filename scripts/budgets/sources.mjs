// Parses the sources of the package, for the length of files and the size of classes.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from '@swc/core';

/** Returns all sources of the package, each with its text and syntax tree. */
export function readSources() {
  return ['core', 'adapters'].flatMap(directory =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter(({ name }) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map(entry => {
        const name = path.join(entry.parentPath, entry.name);
        const text = readFileSync(name, 'utf8');
        return { name, text, tree: parseSync(text, { syntax: 'typescript', target: 'es2022' }) };
      }),
  );
}

export function longFiles(sources, limit) {
  return sources
    .map(({ name, text }) => ({ name, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > limit)
    .sort((a, b) => b.lines - a.lines);
}

/** Returns all classes, with their numbers of methods and accessors, and the names of boolean fields. */
export function classesOf(sources) {
  const classes = [];
  for (const { name: file, tree } of sources)
    visit(tree, node => {
      if (!node.type.startsWith('Class') || !Array.isArray(node.body)) return;
      const members = node.body.filter(isMethod).length;
      const flags = node.body.filter(isFlag).map(({ key }) => key.value);
      classes.push({ name: node.identifier?.value ?? '(anonymous)', file, members, flags });
    });
  return classes.sort((a, b) => b.members - a.members);
}

/** Calls `enter` with every node of a syntax tree, outer nodes first. */
export function visit(node, enter) {
  if (typeof node !== 'object' || node === null) return;
  if (typeof node.type === 'string') enter(node);
  for (const child of Object.values(node)) visit(child, enter);
}

function isMethod({ type }) {
  return type === 'ClassMethod' || type === 'PrivateMethod';
}

function isFlag({ type, isStatic, value, typeAnnotation }) {
  if ((type !== 'ClassProperty' && type !== 'PrivateProperty') || isStatic) return false;
  return value?.type === 'BooleanLiteral' || typeAnnotation?.typeAnnotation.kind === 'boolean';
}
