import { execFileSync } from 'node:child_process';
import path from 'node:path';

const root = path.join(__dirname, '../..');

it('compiles valid programs and rejects invalid ones', () => {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  expect(() =>
    execFileSync(process.execPath, [tsc, '--noEmit', '-p', root], { encoding: 'utf8' }),
  ).not.toThrow();
}, 60_000);
