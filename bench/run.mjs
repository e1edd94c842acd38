// npm run bench: what the timing middleware costs on Express and on Koa, beside the same written natively.
//
// Every contender is a server in a process of its own. They take turns, so that a noisy moment hits all of them; the CPU time
// of each (user and system, from /proc) is divided by its requests. Medians of the ratios within a round are printed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import autocannon from 'autocannon';

const rounds = Number(process.env.ROUNDS ?? 7);
const seconds = Number(process.env.SECONDS ?? 2);
const connections = 20;

const comparisons = [
  {
    title: 'Express 5, timing over res.json',
    base: 'express-on-headers',
    contenders: ['express-noop', 'express-callnext'],
  },
  { title: 'Koa 3, timing over ctx.body', base: 'koa-native', contenders: ['koa-callnext'] },
];

const pageSize = 100; // clock ticks per second, USER_HZ on Linux
console.log(
  `${os.cpus()[0].model}, ${os.cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log(
  `${rounds} rounds of ${seconds} s, ${connections} connections; CPU per request, medians over the rounds\n`,
);

for (const { title, base, contenders } of comparisons) {
  const servers = await Promise.all([base, ...contenders].map(start));
  for (const server of servers) await load(server, 1);
  const results = new Map(servers.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const server of servers) results.get(server.name).push(await measure(server));
  }
  for (const server of servers) server.child.kill();
  print(title, base, contenders, results);
}

function print(title, base, contenders, results) {
  console.log(title);
  const bases = results.get(base);
  console.log(`  ${base.padEnd(20)} ${format(bases)}   1.00`);
  for (const name of contenders) {
    const own = results.get(name);
    const ratios = own.map(({ cpu }, round) => cpu / bases[round].cpu);
    console.log(`  ${name.padEnd(20)} ${format(own)}   ${median(ratios).toFixed(2)}`);
  }
  console.log('');
}

function format(results) {
  const cpu = median(results.map(each => each.cpu))
    .toFixed(1)
    .padStart(6);
  return `${cpu} µs   ${Math.round(median(results.map(each => each.rate)))
    .toString()
    .padStart(6)} requests/s`;
}

async function start(name) {
  const child = spawn(process.execPath, ['bench/server.mjs', name], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const [line] = await once(child.stdout, 'data');
  return { name, child, url: String(line).trim() };
}

async function measure(server) {
  const before = cpuTicks(server.child.pid);
  const requests = await load(server, seconds);
  const ticks = cpuTicks(server.child.pid) - before;
  return { cpu: (ticks / pageSize / requests) * 1e6, rate: requests / seconds };
}

async function load({ url }, duration) {
  const result = await autocannon({ url, connections, duration });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} bad answers, ${result.errors} errors`);
  return result.requests.total;
}

function cpuTicks(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
