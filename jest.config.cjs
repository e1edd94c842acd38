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
    '/@electric-sql/.+\\.cjs$': ['@swc/jest', { module: { type: 'commonjs' } }],
  },
  // pglite loads its files by `import()`, which jest knows only where it has compiled it.
  transformIgnorePatterns: ['/node_modules/(?!@electric-sql/)'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^callnext$': '<rootDir>/core/index.ts',
    '^callnext/(express|koa|node)$': '<rootDir>/adapters/$1/index.ts',
  },
};
