// npm run bench [-- part of a title]: what callnext costs, beside the same written by hand and beside others that do it.
//
// Every contender is a process of its own. They take turns, so that a noisy moment hits all of them, and what counts is the median of
// the ratios within a round. Without an argument the table in bench/README.md is written anew.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { gzipSync } from 'node:zlib';
import { measureIdle } from './idle.mjs';
import { loader, measure, median, start, stop } from './load.mjs';
import { measureParts } from './parts.mjs';
import { measureStream } from './stream.mjs';

const rounds = Number(process.env.ROUNDS ?? 11);
const seconds = Number(process.env.SECONDS ?? 1);
const only = process.argv[2];

/** The base comes first; a goal is the most that its ratio should be. */
const comparisons = [
  {
    title: 'Express 5, `res.json`, against a no-op middleware',
    contenders: [
      'express, no-op middleware',
      'node:http',
      'hono, node-server',
      'express, on-headers',
      'express, layer without middleware',
      'express, callnext',
      'express, callnext by wrap',
      'express, universal-middleware',
    ],
    goals: { 'express, layer without middleware': 1.02, 'express, callnext': 1.1 },
  },
  {
    title: 'Express 5, a timing middleware around the whole app, against the app alone',
    contenders: ['express', 'express, callnext by wrap'],
    goals: { 'express, callnext by wrap': 0.8 },
  },
  {
    title: 'A timing middleware, against universal-middleware',
    contenders: ['express, universal-middleware', 'express, callnext'],
    goals: { 'express, callnext': 0.33 },
  },
  {
    title:
      'Express 5, the lifecycle: two header middlewares, a dependency of a dependency with `yield`, a task',
    contenders: ['express, lifecycle by hand', 'express, lifecycle'],
    goals: { 'express, lifecycle': 1 },
  },
  {
    title: 'Koa 3, a timing middleware over `ctx.body`',
    contenders: ['koa, native', 'koa, no-op middleware', 'koa, callnext'],
    goals: { 'koa, callnext': 1.1 },
  },
  {
    title: 'Koa 3, the lifecycle',
    contenders: ['koa, lifecycle by hand', 'koa, lifecycle'],
    goals: { 'koa, lifecycle': 1.1 },
  },
];

const tables = [];
for (const comparison of comparisons.filter(({ title }) => isWanted(title)))
  await section(comparison.title, () => compare(comparison));
if (isWanted('Further middlewares')) await section('Further middlewares', furtherMiddlewares);
if (isWanted('1 GiB')) await section('1 GiB through Express 5', streams);
if (isWanted('Idle')) await section('Idle clients of server-sent events', idle);
if (isWanted('Import')) await section('Import', imports);
if (isWanted('Parts')) await section('Parts, in process', parts);
if (only === undefined) {
  writeFileSync('bench/README.md', readme());
  execFileSync(process.execPath, [
    'node_modules/@biomejs/biome/bin/biome',
    'format',
    '--write',
    'bench/README.md',
  ]);
}
process.exit();

function isWanted(title) {
  return only === undefined || title.toLowerCase().includes(only.toLowerCase());
}

async function section(title, make) {
  const table = await make();
  tables.push(`## ${title}\n\n${table}\n`);
  console.log(`\n${title}\n\n${table}`);
}

async function compare({ contenders, goals = {} }) {
  const results = await inTurns(contenders);
  const base = results.get(contenders[0]);
  const rows = contenders.map(name => {
    const own = results.get(name);
    const ratios = own.map(({ cpu }, round) => cpu / base[round].cpu).sort((a, b) => a - b);
    const rates = own.map(({ rate }, round) => rate / base[round].rate);
    const [low, high] = [ratios[ratios.length >> 2], ratios[(ratios.length * 3) >> 2]];
    const spread = name === contenders[0] ? '' : ` (${low.toFixed(2)}–${high.toFixed(2)})`;
    return [
      name,
      `${median(own.map(({ cpu }) => cpu)).toFixed(1)} µs`,
      `${median(ratios).toFixed(2)}${spread}`,
      goals[name] === undefined ? '' : `≤ ${goals[name].toFixed(2)}`,
      Math.round(median(own.map(({ rate }) => rate))).toLocaleString('en'),
      median(rates).toFixed(2),
    ];
  });
  return markdown(['', 'CPU a request', 'ratio (quartiles)', 'goal', 'requests a second', 'ratio'], rows);
}

async function inTurns(names) {
  const servers = [];
  for (const name of names) servers.push(await start('./server.mjs', name));
  for (const { name, url } of servers) {
    const answer = await (await fetch(url)).text();
    if (answer !== '{"message":"Hello, world","items":[1,2,3]}') throw new Error(`${name} answers ${answer}`);
  }
  for (const server of servers) await measure(server, 1);
  const results = new Map(names.map(name => [name, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const server of servers) results.get(server.name).push(await measure(server, seconds));
  for (const server of servers) await stop(server);
  return results;
}

async function furtherMiddlewares() {
  const counts = [1, 2, 4, 8, 16, 32];
  const results = await inTurns(counts.map(count => `express, ${count} middlewares`));
  const [first, ...rest] = [...results.values()];
  const rows = rest.map((own, index) => {
    const count = counts[index + 1];
    const each = own.map(({ cpu }, round) => (cpu - first[round].cpu) / (count - 1));
    return [`1 to ${count}`, `${median(each).toFixed(2)} µs`, '≤ 1.5 µs'];
  });
  return markdown(['middlewares', 'CPU for each further one', 'goal'], rows);
}

async function streams() {
  const kinds = ['native', 'layer', 'native, transformed', 'layer, transformed'];
  const results = new Map(kinds.map(kind => [kind, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const kind of kinds) results.get(kind).push(await measureStream(kind));
  const ratio = (kind, base, key) =>
    median(results.get(kind).map((own, round) => own[key] / results.get(base)[round][key]));
  const memory = results.get('layer').map(({ rss }, round) => rss - results.get('native')[round].rss);
  const goals = {
    layer: 'throughput ≥ 0.98, memory ≤ 16 MiB more',
    'layer, transformed': 'CPU ≤ 1.10 of a `Transform`',
  };
  const rows = kinds.map(kind => {
    const base = kind.includes('transformed') ? 'native, transformed' : 'native';
    const own = results.get(kind);
    return [
      kind,
      `${Math.round(median(own.map(({ rate }) => rate)))} MiB/s`,
      ratio(kind, base, 'rate').toFixed(2),
      ratio(kind, base, 'cpu').toFixed(2),
      kind === 'layer' ? `${median(memory).toFixed(1)} MiB more` : '',
      goals[kind] ?? '',
    ];
  });
  return markdown(['', 'throughput', 'ratio', 'CPU, ratio', 'peak memory', 'goal'], rows);
}

async function idle() {
  const clients = Number(process.env.CLIENTS ?? 10_000);
  const rows = [];
  for (const kind of ['native', 'layer'])
    rows.push([kind, `${(await measureIdle(kind, clients)).toFixed(1)} KiB`]);
  rows.push(['goal', '≤ 1 KiB more']);
  return markdown([`${clients.toLocaleString('en')} clients`, 'heap for each'], rows);
}

function imports() {
  const timed = name => {
    const code = `const start = performance.now(); await import('${name}'); console.log(performance.now() - start)`;
    const runs = Array.from({ length: rounds }, () =>
      Number(execFileSync(process.execPath, ['--input-type=module', '-e', code])),
    );
    return `${median(runs).toFixed(0)} ms`;
  };
  const [files, bytes] = sizeOf('dist/esm/adapters/express/index.js');
  return markdown(
    ['', '', 'goal'],
    [
      ["`import 'express'`", timed('express'), ''],
      ["`import 'callnext/express'`", timed('callnext/express'), '≤ 15 ms'],
      ['its own code and comments, gzipped', `${bytes} KiB in ${files} files`, '≤ 12 KiB'],
    ],
  );
}

/** What a module imports of the package itself. */
function sizeOf(entry) {
  const seen = new Map();
  const visit = url => {
    if (seen.has(url.href)) return;
    const text = readFileSync(url, 'utf8');
    seen.set(url.href, text);
    for (const [, path] of text.matchAll(/from '(\.[^']+)'/g)) visit(new URL(path, url));
  };
  visit(new URL(`../${entry}`, import.meta.url));
  const bytes = gzipSync([...seen.values()].join('')).byteLength;
  return [seen.size, Math.round(bytes / 1024)];
}

async function parts() {
  const measured = await measureParts();
  return markdown(
    ['', 'median'],
    measured.map(([name, microseconds]) => [name, `${microseconds.toFixed(2)} µs`]),
  );
}

function markdown(head, rows) {
  const line = cells => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function readme() {
  const intro = readFileSync('bench/README.md', 'utf8').split('<!-- measured -->')[0];
  const machine = `${os.cpus()[0].model}, ${os.cpus().length} cores, Node ${process.version}`;
  const how = `${rounds} rounds of ${seconds} s, ${loader}`;
  const date = new Date().toISOString().slice(0, 10);
  return `${intro}<!-- measured -->\n\nMeasured on ${date}: ${machine}; ${how}.\n\n${tables.join('\n')}`;
}
