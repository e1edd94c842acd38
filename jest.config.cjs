/**
 * Packages that only exist as ES modules, which jest must compile for Node 20; pglite also loads its files
 * with `import()`.
 */
const compiled = [
  '@electric-sql',
  'jose',
  '@noble',
  'uncrypto',
  'rou3',
  'nanostores',
  'better-call',
  '@better-auth',
  'arktype',
  '@ark',
  'arkregex',
  '@seriousme',
  'pg-boss',
  'serialize-error',
  'non-error',
  'rrule-temporal',
];

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testTimeout: 10_000,
  // jest leaves one core free, which is half of a machine with two.
  maxWorkers: '100%',
  roots: ['<rootDir>/test', '<rootDir>/examples'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
    '/inspector/page/index\\.html$': '<rootDir>/scripts/build/jest-page.cjs',
    [`/node_modules/(${compiled.join('|')})/.+\\.[cm]?js$`]: ['@swc/jest', { module: { type: 'commonjs' } }],
  },
  transformIgnorePatterns: [`/node_modules/(?!(.*/node_modules/)?(${compiled.join('|')})/)`],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^callnext$': '<rootDir>/core/index.ts',
    '^callnext/adapter$': '<rootDir>/core/adapter.ts',
    '^callnext/(express|koa|node|testing|opentelemetry|inspector)$': '<rootDir>/adapters/$1/index.ts',
    '^callnext/(params|openapi|security|tasks|tracing)$': '<rootDir>/core/$1/index.ts',
    '^callnext/tasks/(pg-boss|bullmq)$': '<rootDir>/adapters/tasks/$1.ts',
    '^callnext/middleware/(gzip|sessions)$': '<rootDir>/adapters/node/middleware/$1.ts',
    '^callnext/middleware/(.*)$': '<rootDir>/core/middleware/$1.ts',
  },
};
