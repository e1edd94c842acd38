// npm run site: builds the documentation site in dist/site from the README, docs/, and the API's docstrings.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { writeApi } from './api.mjs';

const here = import.meta.dirname;
const root = path.join(here, '../..');
const source = path.join(here, 'source');
const bin = name => path.join(here, 'node_modules/.bin', name);

rmSync(source, { recursive: true, force: true });
mkdirSync(path.join(source, 'public/source'), { recursive: true });
cpSync(path.join(here, 'config.mts'), path.join(source, '.vitepress/config.mts'));
cpSync(path.join(here, 'theme'), path.join(source, '.vitepress/theme'), { recursive: true });

/** The place of each page on the site. */
const pages = new Map([
  ['README.md', 'index.md'],
  ['bench/README.md', 'bench.md'],
  ['CHANGELOG.md', 'changelog.md'],
  ['CONTRIBUTING.md', 'contributing.md'],
  ['SECURITY.md', 'security.md'],
]);
for (const name of readdirSync(path.join(root, 'docs'), { recursive: true }))
  if (name.endsWith('.md')) pages.set(`docs/${name}`, name === 'README.md' ? 'docs.md' : name);
pages.set('docs/decisions/', 'decisions/index.md');
pages.set('examples/README.md', 'examples.md');
pages.set('examples/', 'examples.md');

const decisions = readdirSync(path.join(root, 'docs/decisions')).sort();
write(
  'decisions/index.md',
  `# Decisions\n\n${decisions.map(name => `- [${titleOf(`docs/decisions/${name}`)}](${name})`).join('\n')}\n`,
);
for (const [from, to] of pages)
  if (!from.endsWith('/')) write(to, linked(readFileSync(path.join(root, from), 'utf8'), from, to));

writeApi(path.join(source, 'api'), bin('typedoc'));
execFileSync(bin('vitepress'), ['build', source, '--outDir', path.join(root, 'dist/site')], {
  stdio: 'inherit',
});

/**
 * Redirects links to pages to their place on the site, and links to other files to a copy that a browser
 * shows as text.
 */
function linked(text, from, to) {
  return text
    .replace(/^<!-- .* -->\n/gm, '')
    .replace(/(!\[[^\]]*\]\()([^):\s]+)\)/g, (_all, before, link) => {
      const target = path.join(path.dirname(from), link);
      mkdirSync(path.dirname(path.join(source, 'public', target)), { recursive: true });
      copyFileSync(path.join(root, target), path.join(source, 'public', target));
      return `${before}/${target})`;
    })
    .replace(/(?<!!\[[^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)/g, (_all, link, hash = '') => {
      const target = path.join(path.dirname(from), link);
      const page = pages.get(target);
      if (page !== undefined) return `](${path.relative(path.dirname(to), page) || page}${hash})`;
      if (!existsSync(path.join(root, target)))
        throw new Error(`${from} links to ${link}, which is not there.`);
      const isPicture = target.endsWith('.svg');
      const copy = isPicture ? target : `source/${target}.txt`;
      mkdirSync(path.dirname(path.join(source, 'public', copy)), { recursive: true });
      copyFileSync(path.join(root, target), path.join(source, 'public', copy));
      return isPicture ? `](/${copy})` : `](/${copy}){target="_blank"}`;
    });
}

function titleOf(page) {
  return /^# (.*)/m.exec(readFileSync(path.join(root, page), 'utf8'))?.[1] ?? page;
}

function write(name, text) {
  const file = path.join(source, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
