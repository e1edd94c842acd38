// Runs a TypeScript file in a child process of a test, and resolves the entry points like jest.
const Module = require('node:module');
const { existsSync, readFileSync } = require('node:fs');
const path = require('node:path');
const { transformSync } = require('@swc/core');
const { moduleNameMapper } = require('../../jest.config.cjs');

const root = path.join(__dirname, '../..');
const entries = Object.entries(moduleNameMapper).slice(1);
const resolve = Module._resolveFilename;

Module._resolveFilename = (request, parent, ...rest) => {
  for (const [pattern, target] of entries) {
    const match = new RegExp(pattern).exec(request);
    if (match) return path.join(root, target.slice('<rootDir>/'.length).replace('$1', match[1]));
  }
  const source = path.join(path.dirname(parent?.filename ?? '/'), request.replace(/\.js$/, '.ts'));
  return /^\..*\.js$/.test(request) && existsSync(source) ? source : resolve(request, parent, ...rest);
};

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  });
  module._compile(code, filename);
};

process.argv.splice(1, 1);
require(process.argv[1]);
