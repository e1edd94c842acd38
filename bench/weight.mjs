// Measures the import time of the package and its unpacked size.
import { execFileSync } from 'node:child_process';
import { median } from './load.mjs';

/** How many milliseconds an import takes in a new process. */
export function importTime(name, node, rounds) {
  const code = `const start = performance.now();
    await import('${name}');
    console.log(performance.now() - start)`;
  const runs = Array.from({ length: rounds }, () =>
    Number(execFileSync(node, ['--input-type=module', '-e', code])),
  );
  return median(runs);
}

/** The unpacked size in MiB, and the number of files. */
export function packageSize() {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
  });
  const [{ unpackedSize, entryCount }] = JSON.parse(output);
  return { files: entryCount, mebibytes: unpackedSize / 2 ** 20 };
}
