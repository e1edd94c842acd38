// npm run release -- 1.2.0 [--repository https://github.com/owner/name]: runs CI's checks, sets the version
// and tags it. `--repository` also sets `repository`, `homepage` and `bugs` in package.json: npm needs it to
// resolve the links of the README, and provenance requires it. CI publishes the tag: `npm publish
// --provenance --access public`.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const {
  values: { repository },
  positionals: [version],
} = parseArgs({ options: { repository: { type: 'string' } }, allowPositionals: true });
const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
const refuse = message => {
  console.error(`release: ${message}`);
  process.exit(1);
};

if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version ?? ''))
  refuse('name a version, such as `npm run release -- 1.2.0`.');
const home = repository?.replace(/(\.git)?\/?$/, '');
if (home !== undefined && !/^https:\/\/[^/\s]+\/[^/\s]+\/[^/\s]+$/.test(home))
  refuse('`--repository` takes an address such as `https://github.com/owner/name`.');
if (git('status', '--porcelain') !== '') refuse('there are changes that are not committed.');
if (git('branch', '--show-current') !== 'main') refuse('this is not main.');
if (git('tag', '--list', `v${version}`) !== '') refuse(`v${version} is there already.`);
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
if (!manifest.repository && !home)
  refuse('package.json has no `repository`. Add `--repository https://github.com/owner/name`.');
const changelog = readFileSync('CHANGELOG.md', 'utf8');
const unreleased = /^## .* — unreleased$/m;
if (!unreleased.test(changelog)) refuse('CHANGELOG.md has no section that is unreleased.');

execFileSync('.ci/run', { stdio: 'inherit' });
const today = new Date().toISOString().slice(0, 10);
writeFileSync('CHANGELOG.md', changelog.replace(unreleased, `## ${version} — ${today}`));
if (home !== undefined) {
  const fields = [
    'repository.type=git',
    `repository.url=git+${home}.git`,
    `homepage=${home}#readme`,
    `bugs.url=${home}/issues`,
  ];
  execFileSync('npm', ['pkg', 'set', ...fields], { stdio: 'inherit' });
}
execFileSync('npm', ['version', version, '--no-git-tag-version', '--allow-same-version'], {
  stdio: 'inherit',
});
const named = 'adapters/node/exchange-key.ts';
writeFileSync(named, readFileSync(named, 'utf8').replace(/(version = ')[^']+/, `$1${version}`));
git('commit', '--all', '--message', `Release ${version}`);
git('tag', '--annotate', `v${version}`, '--message', `callnext ${version}`);
console.log(`Tagged v${version}. \`git push --follow-tags\` has CI publish it.`);
