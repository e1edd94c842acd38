// Builds dist/: the package as a few CommonJS bundles, the ES modules that export them, their declarations,
// and the examples. docs/decisions/030-one-implementation-in-a-few-files.md has the reasons.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';
import { keepReachable } from './build/declarations.mjs';
import { pagePlugin } from './build/inspector-page.mjs';
import { loadLate } from './build/late-requires.mjs';
import { slim } from './build/source-map.mjs';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.values(exports)
  .filter(({ require }) => require !== undefined)
  .map(({ require }) => require.default.replace('./dist/cjs/', '').replace(/\.js$/, ''));

/** An app without declared parameters loads none of these. */
const declared = ['core/params', 'core/openapi', 'core/security', 'core/tasks'];

rmSync('dist', { recursive: true, force: true });
for (const { fileName, exports: names, isEntry } of await bundle('dist/cjs'))
  if (isEntry) writeDoor(fileName, names);
compile(['core', 'adapters'], {
  outDir: 'dist/cjs',
  module: 'commonjs',
  moduleResolution: 'bundler',
  verbatimModuleSyntax: false,
  declaration: true,
  emitDeclarationOnly: true,
});
keepReachable(
  'dist/cjs',
  entries.map(entry => `${entry}.d.ts`),
);
mark('dist/cjs', 'commonjs');
mark('dist/esm', 'module');
// The examples import the built package by its name.
compile(['examples'], { outDir: 'dist/examples', rootDir: 'examples', paths: {}, declaration: false });

async function bundle(dir) {
  const build = await rolldown({
    input: Object.fromEntries(entries.map(entry => [entry, `${entry}.ts`])),
    platform: 'node',
    external: /^(?!\.|\/)/,
    plugins: [pagePlugin()],
    treeshake: { moduleSideEffects: false },
    transform: { target: 'es2022' },
    // The source maps show the original file.
    experimental: { attachDebugInfo: 'none' },
  });
  const { output } = await build.write({
    dir,
    format: 'cjs',
    // Strict mode, like the sources, which are ES modules.
    strict: true,
    dynamicImportInCjs: false,
    keepNames: true,
    comments: false,
    sourcemap: true,
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: {
      // A chunk takes what its modules import, so the first one must not import the others.
      groups: [
        chunkOf('core', id => isIn('core', id) && !isDeclared(id)),
        chunkOf('node', id => isIn('adapters/node', id)),
        chunkOf('declared', isDeclared),
      ],
    },
  });
  await build.close();
  for (const { fileName } of output) {
    const file = path.join(dir, fileName);
    if (fileName.endsWith('.map')) slim(file);
    else writeFileSync(file, rewritten(fileName, toAscii(readFileSync(file, 'utf8'))));
  }
  return output.filter(({ type }) => type === 'chunk');
}

/** Every app loads the core. */
function rewritten(fileName, code) {
  return fileName === 'chunks/core.js' ? loadLate(code) : code;
}

/**
 * Escapes non-ASCII characters, which only occur in strings: with one of them, V8 keeps a source in twice the
 * memory.
 */
function toAscii(code) {
  return code.replace(/[^\0-\x7f]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The chunk of code that several entries share from a folder. */
function chunkOf(name, test) {
  return { name, test, minShareCount: 2 };
}

function isDeclared(id) {
  return declared.some(folder => isIn(folder, id));
}

function isIn(folder, id) {
  return id.startsWith(path.resolve(folder) + path.sep);
}

/** Writes an ES module that re-exports a CommonJS one, so that both give the same objects. */
function writeDoor(fileName, names) {
  const file = path.join('dist/esm', fileName);
  const target = path.posix.join(path.posix.relative(path.posix.dirname(fileName), '..'), 'cjs', fileName);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `export { ${names.toSorted().join(', ')} } from '${target}';\n`);
  writeFileSync(file.replace(/\.js$/, '.d.ts'), `export * from '${target}';\n`);
}

function compile(include, options) {
  const project = `tsconfig.build.${options.outDir.replace(/\W/g, '-')}.json`;
  const compilerOptions = { noEmit: false, types: ['node'], ...options };
  writeFileSync(
    project,
    JSON.stringify({
      extends: './tsconfig.json',
      compilerOptions,
      include,
      exclude: ['**/*.test.ts', 'adapters/inspector/page'],
    }),
  );
  try {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], { stdio: 'inherit' });
  } finally {
    rmSync(project);
  }
}

/** Node and TypeScript read the module kind from the nearest package.json. */
function mark(directory, type) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/package.json`, `${JSON.stringify({ type, sideEffects: false })}\n`);
}
