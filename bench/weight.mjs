// Measures what the package weighs: how long it takes to import, how many bytes that are, and how large it is
// unpacked.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { minifySync } from '@swc/core';
import { median } from './load.mjs';

/** Milliseconds that an import takes in a new process. */
export function importTime(name, node, rounds) {
  const code = `const start = performance.now(); await import('${name}'); console.log(performance.now() - start)`;
  const runs = Array.from({ length: rounds }, () =>
    Number(execFileSync(node, ['--input-type=module', '-e', code])),
  );
  return median(runs);
}

/** KiB of what an import loads of the package itself, minified and gzipped, and the number of its files. */
export function importSize(names) {
  const seen = new Map();
  const visit = url => {
    if (seen.has(url)) return;
    const code = readFileSync(new URL(url), 'utf8');
    seen.set(url, minifySync(code, { module: true, compress: true, mangle: true }).code);
    for (const [, path] of code.matchAll(/\b(?:from|import)\s*["'](\.[^"']+)["']/g))
      visit(new URL(path, url).href);
  };
  for (const name of names) visit(import.meta.resolve(name));
  return { files: seen.size, kibibytes: gzipSync([...seen.values()].join('\n')).byteLength / 1024 };
}

/** MiB of the unpacked package, and the number of its files. */
export function packageSize() {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
  });
  const [{ unpackedSize, entryCount }] = JSON.parse(output);
  return { files: entryCount, mebibytes: unpackedSize / 2 ** 20 };
}
