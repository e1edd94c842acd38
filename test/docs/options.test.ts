import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Depends, endpoint, Layer, type Middleware, Response } from 'callnext';
import { authentication, requires } from 'callnext/middleware/authentication';
import { bodyLimit } from 'callnext/middleware/body-limit';
import { cors } from 'callnext/middleware/cors';
import { gzip } from 'callnext/middleware/gzip';
import { processTime } from 'callnext/middleware/process-time';
import { rateLimit } from 'callnext/middleware/rate-limit';
import { requestId } from 'callnext/middleware/request-id';
import { serverTiming } from 'callnext/middleware/server-timing';
import { sessions } from 'callnext/middleware/sessions';
import { timeout } from 'callnext/middleware/timeout';
import { trustedHost } from 'callnext/middleware/trusted-host';

const reference = path.join(__dirname, '../../docs/reference');

/** The rows of the first table below a heading: option and default. */
function optionsUnder(page: string, heading: string): [option: string, byDefault: string][] {
  const text = readFileSync(path.join(reference, page), 'utf8');
  const [, section = ''] = text.split(`\n${heading}\n`);
  const [table = ''] = /(?:^\|.*\n)+/m.exec(section) ?? [];
  const rows = table.split('\n').filter(line => line.startsWith('| `'));
  return rows.map(row => {
    const [, option = '', byDefault = ''] = row.split('|').map(cell => cell.trim());
    return [option.replaceAll('`', ''), byDefault];
  });
}

/** The options that a function lists when it receives an unknown one. */
function optionsOf(build: (options: object) => unknown): string[] {
  try {
    build({ noSuchOption: true });
  } catch (error) {
    const [, listed = ''] = /Its options are (.*)\.$/.exec((error as Error).message) ?? [];
    return [...listed.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
  }
  throw new Error('The unknown option was accepted.');
}

type Build = (options: never) => unknown;

/** Each function, with its required options. */
const functions: readonly (readonly [name: string, build: Build, required: object])[] = [
  ['cors', cors, {}],
  ['gzip', gzip, {}],
  ['trustedHost', trustedHost, {}],
  ['sessions', sessions, { secretKey: 'secret' }],
  ['bodyLimit', bodyLimit, { maxBodySize: 1 }],
  ['authentication', authentication, { backend: { authenticate: () => null } }],
  ['requires', (options: object) => requires('admin', options), {}],
  ['processTime', processTime, {}],
  ['serverTiming', serverTiming, {}],
  ['requestId', requestId, {}],
  ['timeout', timeout, { timeoutMs: 1 }],
  ['rateLimit', rateLimit, { limiter: { consume: async () => ({}) } }],
];

describe.each(functions)('the options of %s() in docs/reference/middleware.md', (name, build, required) => {
  const documented = optionsUnder('middleware.md', `### \`${name}()\``);

  it('are those that exist', () => {
    expect(documented.map(([option]) => option)).toEqual(optionsOf(build as (options: object) => unknown));
  });

  it('are marked as required where they are', () => {
    const marked = documented.filter(([, byDefault]) => byDefault === 'required').map(([option]) => option);
    expect(marked).toEqual(Object.keys(required));
  });
});

it.each(functions.filter(([name]) => name !== 'requires'))(
  'docs/reference/middleware.md shows the defaults of %s()',
  (name, build, required) => {
    const built = build(required as never) as Middleware;
    const [options = {}] = new Layer({ middleware: [built] }).describe().options;
    const shown = optionsUnder('middleware.md', `### \`${name}()\``).filter(([, text]) =>
      text.startsWith('`'),
    );
    expect(shown).toEqual(shown.map(([option]) => [option, literal(options[option])]));
  },
);

/** A value as it is written in the tables. */
function literal(value: unknown): string {
  return `\`${JSON.stringify(value)?.replaceAll('"', "'")}\``;
}

it('docs/reference/middleware.md has a section for each middleware of the package', () => {
  const { exports } = JSON.parse(readFileSync(path.join(__dirname, '../../package.json'), 'utf8'));
  const entries = Object.keys(exports).filter(entry => entry.startsWith('./middleware/'));
  const text = readFileSync(path.join(reference, 'middleware.md'), 'utf8');
  expect(entries.filter(entry => !text.includes(`\n\`callnext${entry.slice(1)}\``))).toEqual([]);
});

it('docs/reference/layer.md lists the options of a layer', () => {
  const documented = optionsUnder('layer.md', '## Options').map(([option]) => option);
  expect(documented).toEqual(optionsOf(options => new Layer(options)));
});

it('docs/reference/dependencies.md lists the options of Depends', () => {
  const documented = optionsUnder('dependencies.md', '## Declaring a dependency').map(([option]) => option);
  expect(documented).toEqual(optionsOf(options => Depends(() => 1, options)));
});

it('docs/reference/responses.md lists the options of an endpoint', () => {
  const documented = optionsUnder('responses.md', '## Endpoint options').map(([option]) => option);
  expect(documented).toEqual(optionsOf(options => endpoint({}, () => null, options)));
});

it('docs/reference/responses.md lists the options of setCookie', () => {
  const documented = optionsUnder('responses.md', '## Cookies').map(([option]) => option);
  expect(documented).toEqual(optionsOf(options => new Response().setCookie('name', 'value', options)));
});
