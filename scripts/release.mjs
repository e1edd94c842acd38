// npm run release -- 1.2.0: checks what is to be published, names the version, and tags it. CI publishes the
// tag, with provenance: `npm publish --provenance --access public`.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const [version] = process.argv.slice(2);
const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
const refuse = message => {
  console.error(`release: ${message}`);
  process.exit(1);
};

if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version ?? ''))
  refuse('name a version, such as `npm run release -- 1.2.0`.');
if (git('status', '--porcelain') !== '') refuse('there are changes that are not committed.');
if (git('branch', '--show-current') !== 'main') refuse('this is not main.');
if (git('tag', '--list', `v${version}`) !== '') refuse(`v${version} is there already.`);
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
if (!manifest.repository) refuse('provenance needs `repository` in package.json: say where the code is.');
const changelog = readFileSync('CHANGELOG.md', 'utf8');
const unreleased = /^## .* — unreleased$/m;
if (!unreleased.test(changelog)) refuse('CHANGELOG.md has no section that is unreleased.');

execFileSync('.ci/run', { stdio: 'inherit' });
const today = new Date().toISOString().slice(0, 10);
writeFileSync('CHANGELOG.md', changelog.replace(unreleased, `## ${version} — ${today}`));
execFileSync('npm', ['version', version, '--no-git-tag-version', '--allow-same-version'], {
  stdio: 'inherit',
});
const named = 'adapters/node/exchange-key.ts';
writeFileSync(named, readFileSync(named, 'utf8').replace(/(version = ')[^']+/, `$1${version}`));
git('commit', '--all', '--message', `Release ${version}`);
git('tag', '--annotate', `v${version}`, '--message', `callnext ${version}`);
console.log(`Tagged v${version}. \`git push --follow-tags\` has CI publish it.`);
