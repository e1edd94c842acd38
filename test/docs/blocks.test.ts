// Executes every code block of the README and of docs/: as a part of an example that a test runs, as a step
// that is applied to one, or as a command that CI runs.
import { readdirSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { transformSync } from '@swc/core';
import { TestClient } from 'callnext/testing';

const root = path.join(__dirname, '../..');
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');
const pages = [
  'README.md',
  ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
];

interface Block {
  readonly page: string;
  readonly language: string;
  /** The file that the comment above names; the block is a part of it. */
  readonly of: string | undefined;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const fences = /(?:<!-- (?<of>\S+) -->\n)?```(?<language>\w*)\n(?<text>[\s\S]*?)```/g;
  return [...read(page).matchAll(fences)].map(({ groups }) => {
    const { of, language = '', text = '' } = groups as { of?: string; language?: string; text?: string };
    return { page, of, language, text };
  });
}

const blocks = pages.flatMap(blocksOf);
const parts = blocks.filter(({ language }) => ['ts', 'js'].includes(language));
const commands = blocks.filter(({ language }) => language === 'sh');

/** Commands that .ci/run or a test runs; a `#` starts a comment for the reader. */
const run = new Set([
  'npm install callnext',
  'npm install callnext express',
  'npm install callnext koa',
  'npm install swagger-ui-dist',
  'npx openapi-typescript http://localhost:3000/openapi.json --output shop.ts',
  'npm ci && npm run demo',
  'npm ci && npm test',
]);

it('are of languages that this test knows', () => {
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['', 'ts', 'sh', 'diff']));
});

it.each(parts.map(block => [block.page, block.text.split('\n', 1)[0] ?? '', block] as const))(
  '%s: %s',
  (_page, _first, { of, text }) => {
    expect(of).toBeDefined();
    const file = read(of as string);
    // A part may be indented more deeply in its file.
    const depth =
      /^ */.exec(file.split('\n').find(line => line.trim() === text.split('\n', 1)[0]?.trim()) ?? '')?.[0] ??
      '';
    const indented = text.replace(/^(?=.)/gm, depth);
    expect(file).toContain(indented);
  },
);

it('are commands that are run', () => {
  const lines = commands.flatMap(({ text }) => text.trim().split('\n'));
  expect(lines.map(line => line.replace(/\s+#.*/, '')).filter(line => !run.has(line))).toEqual([]);
});

/** The groups of consecutive lines, separated by `…`. */
function applied(source: string, diff: string): string {
  let result = source;
  for (const hunk of diff.trimEnd().split(/^…$/m)) {
    const lines = hunk.replace(/^\n|\n$/g, '').split('\n');
    const side = (sign: string): string =>
      lines
        .filter(line => line[0] !== sign)
        .map(line => line.slice(1))
        .join('\n');
    const [before, after] = [side('+'), side('-')];
    if (!result.includes(before)) throw new Error(`There is no place for:\n${hunk}`);
    result = result.replace(before, () => after);
  }
  return result;
}

function load(source: string): { default?: unknown; app: RequestListener | { callback(): RequestListener } } {
  const { code } = transformSync(source, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  });
  const module = { exports: {} };
  new Function('module', 'exports', 'require', code)(module, module.exports, require);
  return module.exports as ReturnType<typeof load>;
}

async function visit({ app }: ReturnType<typeof load>): Promise<unknown[]> {
  const client = new TestClient(app as RequestListener);
  const seen: unknown[] = [];
  const ask = async (asked: string, init: Parameters<TestClient['fetch']>[1] = {}): Promise<void> => {
    const response = await client.fetch(asked, init);
    const headers = [...response.headers].filter(([name]) => !/^(date|set-cookie|x-.*)$/.test(name));
    // The final answer is the layer's own.
    const isHandled = asked === '/broken';
    seen.push([asked, response.status, isHandled ? [] : headers, await response.text()]);
  };
  await ask('/notes');
  await ask('/login', { method: 'POST', json: { name: 'ada' } });
  const form = new FormData();
  form.set('text', 'a note');
  await ask('/notes', { method: 'POST', body: form });
  for (const asked of ['/notes', '/long', '/static/reference/errors.md', '/broken', '/nowhere'])
    await ask(asked);
  await client.settled();
  await client.close();
  return seen;
}

describe.each(['express', 'koa'])('the steps of docs/guides/add-to-%s.md', kind => {
  const steps = blocksOf(`docs/guides/add-to-${kind}.md`).filter(({ language }) => language === 'diff');
  const start = read(`examples/existing-${kind}/before.ts`);

  it('lead from the app as it was to the one that is shown', () => {
    expect(steps.length).toBe(4);
    expect(steps.reduce((source, { text }) => applied(source, text), start)).toBe(
      read(`examples/existing-${kind}/after.ts`),
    );
  });

  it('each leave the app as it was to its users', async () => {
    const before = await visit(load(start));
    let source = start;
    for (const { text } of steps) {
      source = applied(source, text);
      expect(await visit(load(source))).toEqual(before);
    }
  });
});
