// npm run test:nodes: the suites that touch Node most, on each later release line, as npm has it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import path from 'node:path';

const lines = ['22', '24', '26'];
const suites = ['test/responses', 'test/adapters', 'test/conformance', 'test/compat', 'test/testing'];

const directory = mkdtempSync(path.join(tmpdir(), 'callnext-nodes-'));
try {
  for (const line of lines) {
    const home = path.join(directory, line);
    execFileSync(
      'npm',
      [
        'install',
        '--prefix',
        home,
        '--no-audit',
        '--no-fund',
        '--silent',
        `node-${platform()}-${arch()}@${line}`,
      ],
      {
        stdio: 'inherit',
      },
    );
    const node = path.join(home, 'node_modules', `node-${platform()}-${arch()}`, 'bin/node');
    console.log(`Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`);
    execFileSync(node, ['node_modules/jest/bin/jest.js', ...suites, '--silent', '--testTimeout=30000'], {
      stdio: 'inherit',
    });
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
