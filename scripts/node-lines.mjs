// Finds the release lines of Node: an installed one such as `node24`, otherwise from npm.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import path from 'node:path';

/** Calls `use` with the binary of each line, and then removes whatever it has installed. */
export async function withNodes(lines, use) {
  const directory = mkdtempSync(path.join(tmpdir(), 'callnext-nodes-'));
  try {
    await use(Object.fromEntries(lines.map(line => [line, installed(line) ?? install(line, directory)])));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export function versionOf(node) {
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
}

function installed(line) {
  try {
    return versionOf(`node${line}`).startsWith(`v${line}.`) ? `node${line}` : undefined;
  } catch {
    return undefined;
  }
}

function install(line, directory) {
  const name = `node-${platform()}-${arch()}`;
  const home = path.join(directory, String(line));
  const args = ['install', '--prefix', home, '--no-audit', '--no-fund', '--silent', `${name}@${line}`];
  execFileSync('npm', args, { stdio: 'inherit' });
  return path.join(home, 'node_modules', name, 'bin/node');
}
