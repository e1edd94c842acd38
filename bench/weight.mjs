// Measures how long the package takes to import, and how large it is unpacked.
import { execFileSync } from 'node:child_process';
import { median } from './load.mjs';

/** Milliseconds that an import takes in a new process. */
export function importTime(name, node, rounds) {
  const code = `const start = performance.now(); await import('${name}'); console.log(performance.now() - start)`;
  const runs = Array.from({ length: rounds }, () =>
    Number(execFileSync(node, ['--input-type=module', '-e', code])),
  );
  return median(runs);
}

/** MiB of the unpacked package, and the number of its files. */
export function packageSize() {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
  });
  const [{ unpackedSize, entryCount }] = JSON.parse(output);
  return { files: entryCount, mebibytes: unpackedSize / 2 ** 20 };
}
