// npm run fuzz [-- requests [seed]]: sends random raw HTTP to an app with every built-in, and to one below a
// layer that changes nothing, on Express and Koa. `npm test` does the same with a fixed seed and fewer
// requests.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

const requests = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? randomInt(2 ** 31));
/**
 * Three properties on three apps. A connection carries two requests on average, and Node's parser refuses
 * more than half of them.
 */
const connections = Math.ceil((requests * 1.2) / 9);

console.log(`Fuzzing with about ${requests} requests, seed ${seed}.`);
const { status } = spawnSync(process.execPath, ['node_modules/jest/bin/jest.js', 'test/fuzz'], {
  stdio: 'inherit',
  env: { ...process.env, FUZZ_CONNECTIONS: String(connections), FUZZ_SEED: String(seed) },
});
process.exitCode = status ?? 1;
