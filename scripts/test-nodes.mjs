// npm run test:nodes: the whole suite on Node 24, and the suites that touch Node most on 22 and 26, each as npm has it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import path from 'node:path';

const closest = ['test/responses', 'test/adapters', 'test/conformance', 'test/testing'];
const suites = { 22: closest, 24: [], 26: closest };

const directory = mkdtempSync(path.join(tmpdir(), 'callnext-nodes-'));
try {
  for (const [line, paths] of Object.entries(suites)) {
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
    execFileSync(node, ['node_modules/jest/bin/jest.js', ...paths, '--silent', '--testTimeout=30000'], {
      stdio: 'inherit',
    });
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
