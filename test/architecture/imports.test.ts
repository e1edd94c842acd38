import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../..');

/** Small packages without a runtime dependency; docs/decisions has the reason for each. */
const pure = ['cookie', 'range-parser', 'fresh', 'content-disposition', 'mrmime'];

/** The order of the core's folders and files: each imports only from itself and from those to the left. */
const coreLine = [
  'errors',
  'options',
  'background',
  'http',
  'tracing',
  'middleware',
  'schema',
  'exceptions',
  'dependencies',
  'params',
  'security',
  'endpoint',
  'lifecycle',
  'layer',
  'tasks',
  'openapi',
  'index',
  'adapter',
];

interface Import {
  readonly from: string;
  readonly to: string;
}

function sources(folder: string): string[] {
  const entries = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  return entries.filter(entry => entry.endsWith('.ts')).map(entry => path.join(folder, entry));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from |import |import\()'([^']+)'/g)].map(match => match[1] ?? '');
  return specifiers.map(specifier => ({
    from: file,
    to: specifier.startsWith('.')
      ? path.join(path.dirname(file), specifier).replace(/\.js$/, '.ts')
      : specifier,
  }));
}

const core = sources('core').flatMap(importsOf);
const adapters = sources('adapters').flatMap(importsOf);
const isLocal = ({ to }: Import): boolean => to.endsWith('.ts');

function placeInCore(file: string): number {
  const [, first = ''] = file.split(path.sep);
  return coreLine.indexOf(first.replace(/\.ts$/, ''));
}

describe('the core', () => {
  it('imports only the core, node:async_hooks and small packages that need no runtime', () => {
    const known = ['node:async_hooks', ...pure];
    expect(core.filter(({ to }) => !to.startsWith('core/') && !known.includes(to))).toEqual([]);
  });

  it('imports leftward only', () => {
    expect(core.filter(isLocal).filter(({ from, to }) => placeInCore(to) > placeInCore(from))).toEqual([]);
    expect(core.filter(({ from }) => placeInCore(from) < 0)).toEqual([]);
  });
});

describe('the adapters', () => {
  it("import only the core's adapter door, what adapters/node shares, their own folder and Node", () => {
    const stray = adapters.filter(({ from, to }) => {
      const folder = from.split(path.sep).slice(0, 2).join(path.sep);
      const own = to.startsWith(`${folder}/`);
      const known = [
        'core/adapter.ts',
        'adapters/node/shared.ts',
        ...(folder === 'adapters/node' ? ['@fastify/busboy', 'keygrip', 'negotiator'] : []),
        ...(folder === 'adapters/testing' ? ['cookie'] : []),
        ...(folder === 'adapters/opentelemetry' ? ['@opentelemetry/api'] : []),
      ];
      return !own && !known.includes(to) && !to.startsWith('node:');
    });
    expect(stray).toEqual([]);
  });

  it('never import a framework', () => {
    expect(adapters.filter(({ to }) => /^(express|koa)\b/.test(to))).toEqual([]);
  });
});

it('has no import cycles, type imports included', () => {
  const graph = new Map<string, string[]>();
  for (const each of [...core, ...adapters].filter(isLocal)) {
    graph.set(each.from, [...(graph.get(each.from) ?? []), each.to]);
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const walk = (file: string, trail: string[]): void => {
    if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file]);
    if (done.has(file) || trail.includes(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  expect(cycles).toEqual([]);
});
