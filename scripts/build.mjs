// Builds dist/: the same sources as ES modules and as CommonJS, each with its own declarations, and the examples.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
const library = ['core', 'adapters'];
build(library, { outDir: 'dist/esm', module: 'nodenext', moduleResolution: 'nodenext' });
build(library, {
  outDir: 'dist/cjs',
  module: 'commonjs',
  moduleResolution: 'bundler',
  verbatimModuleSyntax: false,
});
mark('dist/esm', 'module');
mark('dist/cjs', 'commonjs');
// The examples import the package by its name, as it is built.
build(['examples'], { outDir: 'dist/examples', rootDir: 'examples', paths: {}, declaration: false });

function build(include, options) {
  const project = `tsconfig.build.${options.outDir.replace(/\W/g, '-')}.json`;
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    sourceMap: true,
    inlineSources: true,
    types: ['node'],
    ...options,
  };
  writeFileSync(
    project,
    JSON.stringify({ extends: './tsconfig.json', compilerOptions, include, exclude: ['**/*.test.ts'] }),
  );
  try {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], { stdio: 'inherit' });
  } finally {
    rmSync(project);
  }
}

/** Node and TypeScript take the kind of a file from the nearest package.json. */
function mark(directory, type) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/package.json`, `${JSON.stringify({ type, sideEffects: false })}\n`);
}
