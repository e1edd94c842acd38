// What the package costs its users, next to the goals. Printed by `npm run package`.
import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

/**
 * The size of `callnext` with `callnext/express` in an app's bundle, in bytes, minified and gzipped, without
 * dependencies.
 */
export async function minifiedSize() {
  const entry = '\0entry';
  const both = {
    name: 'both',
    resolveId: id => (id === entry ? id : null),
    load: id => (id === entry ? "export * from 'callnext'; export * from 'callnext/express';" : null),
  };
  const build = await rolldown({
    input: entry,
    platform: 'node',
    external: id => id !== entry && !/^(\.|\/|callnext)/.test(id),
    plugins: [both],
  });
  const { output } = await build.generate({ format: 'esm', minify: true });
  await build.close();
  return gzipSync(output.map(({ code }) => code).join('\n')).byteLength;
}

/**
 * How many milliseconds of CPU an import takes in a new process: the median, unaffected by other processes.
 */
export function importTime(name, rounds = 11) {
  const code = `const before = process.cpuUsage();
    await import('${name}');
    const { user, system } = process.cpuUsage(before);
    console.log((user + system) / 1000);`;
  const times = Array.from({ length: rounds }, () =>
    Number(execFileSync(process.execPath, ['--input-type=module', '-e', code])),
  );
  return times.sort((a, b) => a - b)[rounds >> 1];
}

/** Returns lines of text about the package that `npm pack --json` has described. */
export async function weigh({ unpackedSize, entryCount }) {
  const size = (await minifiedSize()) / 1024;
  const time = importTime('callnext/express');
  return [
    line('unpacked', unpackedSize / 1e6, 'MB', 1.5, ` in ${entryCount} files`),
    line('callnext and callnext/express, minified and gzipped', size, 'KiB', 25),
    line("import 'callnext/express'", time, 'ms', 25, ` on Node ${process.versions.node}`),
  ];
}

function line(name, value, unit, goal, more = '') {
  return `${name}: ${value.toFixed(value < 10 ? 2 : 0)} ${unit}${more} (goal: ${goal}${value > goal ? ', missed' : ''})`;
}
