// npm run bench [-- --quick]: what callnext costs on Node 22, 24 and 26, compared with the same code written
// by hand and with other libraries.
//
// Contenders take turns, each in its own process, so that a noisy moment affects all of them; the median of
// the ratios per round counts. Everything is measured twice, and bench/README.md is rewritten.
// `--quick` measures Node 24 once, in under two minutes, and writes nothing.
// The default is 15 rounds; ROUNDS=7 takes half the time.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { versionOf, withNodes } from '../scripts/node-lines.mjs';
import { minifiedSize } from '../scripts/weight.mjs';
import { furtherMiddleware, lines, mainLine, pairs, peers } from './comparisons.mjs';
import { measureIdle } from './idle.mjs';
import { loader, measure, median, start, stop } from './load.mjs';
import {
  goalTable,
  idleTable,
  marker,
  paramsTable,
  peerTable,
  readme,
  repeatLine,
  streamTable,
  weightTable,
} from './report.mjs';
import { measureStreams } from './stream.mjs';
import { importTime, packageSize } from './weight.mjs';

const isQuick = process.argv.includes('--quick');
const { ROUNDS: rounds = '15' } = process.env;
const settings = isQuick
  ? {
      lines: [mainLine],
      rounds: 3,
      seconds: 1,
      warmUp: 4,
      streams: 1,
      clients: 1_000,
      imports: 5,
      calls: 2_000,
      runs: 1,
    }
  : {
      lines,
      rounds: Number(rounds),
      seconds: 1,
      warmUp: 5,
      streams: Math.min(11, Number(rounds)),
      clients: 10_000,
      imports: 11,
      calls: 8_000,
      runs: 2,
    };
const answer = '{"message":"Hello, world","items":[1,2,3]}';
const file = 'bench/README.md';

await withNodes(settings.lines, async nodes => {
  const runs = [];
  for (let count = 0; count < settings.runs; count += 1) runs.push(await run(nodes, count === 0));
  if (!isQuick) write(nodes, runs);
});
process.exit();

/** Every run measures the ratios with a goal; the first run also measures the rest. */
async function run(nodes, isFirst) {
  const results = { pairs: {}, further: {} };
  for (const line of settings.lines) {
    results.pairs[line] = {};
    for (const { title, base, ours } of pairs)
      results.pairs[line][title] = asPairs(await inTurns([base, ours], nodes[line]), base, ours);
    results.further[line] = await further(nodes[line]);
  }
  show(goalTable(results));
  if (!isFirst) return results;
  const node = nodes[mainLine];
  // These have no goals.
  if (!isQuick) {
    results.peers = await inTurns(peers, node);
    show(peerTable(results.peers));
  }
  results.streams = await measureStreams(node, settings.streams);
  show(streamTable(results.streams));
  results.idle = await idle(node);
  show(idleTable(results.idle));
  results.weight = await weigh(node);
  show(weightTable(results.weight));
  results.params = declaredParameters(node);
  show(paramsTable(results.params));
  return results;
}

function show(table) {
  console.log(`\n${table}`);
}

function asPairs(results, base, ours) {
  return results[base].map((measured, round) => ({ base: measured, ours: results[ours][round] }));
}

async function further(node) {
  const { few, many } = furtherMiddleware;
  const names = [few, many].map(count => `express, ${count} middleware`);
  const [withFew, withMany] = Object.values(await inTurns(names, node));
  return median(withFew.map(({ cpu }, round) => (withMany[round].cpu - cpu) / (many - few)));
}

async function idle(node) {
  const { clients } = settings;
  return {
    clients,
    native: await measureIdle('native', clients, node),
    layer: await measureIdle('layer', clients, node),
    endpoint: await measureIdle('endpoint', clients, node),
  };
}

function declaredParameters(node) {
  const script = fileURLToPath(new URL('./params.mjs', import.meta.url));
  return JSON.parse(execFileSync(node, [script, String(settings.calls)], { encoding: 'utf8' }));
}

async function weigh(node) {
  const names = ['express', 'hono', 'callnext/express'];
  return {
    imports: Object.fromEntries(names.map(name => [name, importTime(name, node, settings.imports)])),
    minified: (await minifiedSize()) / 1024,
    unpacked: packageSize(),
  };
}

/** Measures contenders in turns, and returns the rounds of each. */
async function inTurns(names, node) {
  const servers = [];
  for (const name of names) servers.push(await start('./server.mjs', name, node));
  for (const { name, url } of servers) {
    const given = await (await fetch(url)).text();
    if (given !== answer) throw new Error(`${name} answers ${given}`);
  }
  for (const server of servers) await measure(server, settings.warmUp);
  const results = Object.fromEntries(names.map(name => [name, []]));
  for (let round = 0; round < settings.rounds; round += 1)
    for (const server of servers) results[server.name].push(await measure(server, settings.seconds));
  for (const server of servers) await stop(server);
  return results;
}

function write(nodes, [first, second]) {
  const versions = Object.values(nodes).map(versionOf).join(', ');
  const machine = `${os.cpus()[0].model}, ${os.cpus().length} cores, Node ${versions}`;
  const how = `${settings.rounds} rounds of ${settings.seconds} s, ${loader}`;
  const [intro] = readFileSync(file, 'utf8').split(marker);
  writeFileSync(file, readme(intro, { machine, how, run: first, repeat: repeatLine(first, second) }));
  execFileSync('node_modules/@biomejs/biome/bin/biome', ['format', '--write', file]);
}
