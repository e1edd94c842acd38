/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testTimeout: 10_000,
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^callnext$': '<rootDir>/core/index.ts',
    '^callnext/(express|koa|node)$': '<rootDir>/adapters/$1/index.ts',
  },
};
