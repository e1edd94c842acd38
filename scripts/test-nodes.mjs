// npm run test:nodes: runs the whole suite on Node 24, and the suites that depend most on Node on 22 and 26.
import { execFileSync } from 'node:child_process';
import { versionOf, withNodes } from './node-lines.mjs';

const closest = 'adapters conformance inspector opentelemetry responses tasks testing tracing'
  .split(' ')
  .map(name => `test/${name}`);
const suites = { 22: closest, 24: [], 26: closest };

await withNodes(Object.keys(suites), nodes => {
  for (const [line, node] of Object.entries(nodes)) {
    console.log(`Node ${versionOf(node)}`);
    const args = ['node_modules/jest/bin/jest.js', ...suites[line], '--silent', '--testTimeout=30000'];
    execFileSync(node, args, { stdio: 'inherit' });
  }
});
