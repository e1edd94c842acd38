// Compiles the sources with counters.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync } from '@swc/core';
import { visit } from './sources.mjs';

const functions = [
  'ArrowFunctionExpression',
  'ClassMethod',
  'Constructor',
  'FunctionDeclaration',
  'FunctionExpression',
  'GetterProperty',
  'MethodProperty',
  'PrivateMethod',
  'SetterProperty',
];

let ran = noteNothing();

function noteNothing() {
  return { steps: [], objects: [], files: new Set() };
}

globalThis.callnextBudgets = {
  enter: file => {
    ran.files.add(file);
  },
  step: (file, line) => {
    ran.files.add(file);
    ran.steps.push(`${file}:${line}`);
  },
  resume: (value, file, line) => {
    callnextBudgets.step(file, line);
    return value;
  },
  make: name => ran.objects.push(name),
};

/**
 * Returns the counts since the last call. A step is a call of a function with more than one statement, or a
 * resumption after `await` or `yield`. Objects are those created with `new`, without promises.
 */
export function takeSteps() {
  const taken = ran;
  ran = noteNothing();
  return taken;
}

/** A directory per process, because a test may run next to `npm run verify`. */
export const compiled = path.resolve(`dist/budgets-${process.pid}`);

/** Writes the instrumented sources to `compiled`, as ES modules. */
export function compile(sources) {
  for (const source of sources) {
    const target = path.join(compiled, source.name.replace(/\.ts$/, '.js'));
    mkdirSync(path.dirname(target), { recursive: true });
    const { code } = transformSync(instrumented(source), {
      filename: source.name,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    writeFileSync(target, code);
  }
  writeFileSync(path.join(compiled, 'package.json'), '{ "type": "module" }\n');
}

function instrumented({ name, text, tree }) {
  const bytes = Buffer.from(text);
  const insertions = [];
  // swc counts bytes from 1.
  const insert = (at, code) => insertions.push({ at: at - 1, code });
  const around = ({ span }, before, after) => {
    insert(span.start, before);
    insert(span.end, after);
  };
  const placeOf = ({ span }) =>
    `${JSON.stringify(name)}, ${bytes.subarray(0, span.start).toString().split('\n').length}`;
  const step = node => `callnextBudgets.step(${placeOf(node)})`;
  const entry = node => (isShort(node) ? `callnextBudgets.enter(${placeOf(node)})` : step(node));
  visit(tree, node => {
    const body = functions.includes(node.type) ? bodyOf(node) : undefined;
    if (body?.type === 'FunctionBody') insert(body.span.start + 1, `${entry(node)};`);
    else if (body) around(body, `(${entry(node)}, `, ')');
    if (node.type === 'AwaitExpression' || (node.type === 'YieldExpression' && !node.delegate))
      around(node, 'callnextBudgets.resume(', `, ${placeOf(node)})`);
    if (node.type === 'ForOfStatement' && node.await) around(node.body, `{ ${step(node)}; `, ' }');
    if (node.type === 'NewExpression' && node.callee.value !== 'Promise')
      around(node, `(callnextBudgets.make(${JSON.stringify(node.callee.value ?? 'new')}), `, ')');
  });
  return spliced(bytes, insertions);
}

function bodyOf(node) {
  return (node.function ?? node).body;
}

/** Whether a function is an accessor or has one statement, which readers need not step into. */
function isShort(node) {
  if (node.type === 'Constructor') return false;
  if (node.kind === 'getter' || node.kind === 'setter') return true;
  if (node.type === 'GetterProperty' || node.type === 'SetterProperty') return true;
  const { type, stmts } = bodyOf(node);
  return type !== 'FunctionBody' || stmts.length === 1;
}

function spliced(bytes, insertions) {
  const parts = [];
  let from = 0;
  for (const { at, code } of insertions.toSorted((a, b) => a.at - b.at)) {
    parts.push(bytes.subarray(from, at), Buffer.from(code));
    from = at;
  }
  return Buffer.concat([...parts, bytes.subarray(from)]).toString();
}
