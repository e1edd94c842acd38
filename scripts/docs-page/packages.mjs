import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Unpacks packages from npm into a temporary folder, without their dependencies. If npm cannot be reached,
 * says what is missing and exits.
 */
export function packagesFor(names) {
  const folder = mkdtempSync(path.join(tmpdir(), 'callnext-docs-page-'));
  const packages = {};
  for (const [index, name] of names.entries()) {
    const target = path.join(folder, String(index));
    mkdirSync(target);
    try {
      const archive = execFileSync('npm', ['pack', '--silent', name], { cwd: target, encoding: 'utf8' });
      execFileSync('tar', ['-xzf', archive.trim(), '--strip-components=1'], { cwd: target });
    } catch {
      console.error(`test:docs-page needs ${name} from npm, which could not be downloaded.`);
      process.exit(1);
    }
    packages[name] = target;
  }
  return { folder, packages };
}
