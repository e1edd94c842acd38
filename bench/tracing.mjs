// npm run bench:tracing: what it costs to watch every stage of a request, as ratios of CPU time to the same
// app that nobody watches. ROUNDS=7 takes half the time.
import { loader, measure, median, start, stop } from './load.mjs';

const { ROUNDS: rounds = '15' } = process.env;
const names = [
  'nobody',
  'subscriber',
  'inspector',
  'OpenTelemetry, SERVER spans',
  'OpenTelemetry, every span',
];

const servers = [];
for (const name of names) servers.push(await start('./tracing-server.mjs', name, process.execPath));
for (const server of servers) await measure(server, 4);
const results = Object.fromEntries(names.map(name => [name, []]));
for (let round = 0; round < Number(rounds); round += 1)
  for (const server of servers) results[server.name].push((await measure(server, 1)).cpu);
for (const server of servers) await stop(server);

console.log(`Node ${process.versions.node}, ${rounds} rounds of 1 s, ${loader}`);
for (const name of names) {
  const ratio = median(results[name].map((cpu, round) => cpu / results.nobody[round]));
  console.log(`${name}: ${median(results[name]).toFixed(1)} µs, ratio ${ratio.toFixed(3)}`);
}
