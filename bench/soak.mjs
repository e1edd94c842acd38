// npm run soak [-- requests]: 100,000 requests that fail in every place, over 64 connections, on Express and
// again on Koa. Checks that each entered dependency exits once, each accepted task runs or is reported as
// dropped, each client gets the expected answer, and heap and handles stay flat.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { isDeepStrictEqual } from 'node:util';

const requests = Number(process.argv[2] ?? 100_000);
const connections = 64;
const rounds = 10;
/** How many MiB the heap may grow after the second round. */
const slack = 4;

/** The expected answer per path: a status, a cut body, or nothing because the client has left. */
const expected = new Map([
  ...['/ok', '/replace', '/stream', '/task/a', '/exit/b', '/exit/c', '/native'].map(path => [path, 200]),
  ['/before', 418],
  ['/http', 404],
  ...['/enter/a', '/enter/b', '/handled', '/exit/a'].map(path => [path, 422]),
  ...['/after', '/error', '/native/fails'].map(path => [path, 500]),
  ['/stream/fails', 'cut'],
  ['/stream/left', 'gone'],
  ['/left', 'gone'],
]);

let failed = false;
for (const framework of ['express', 'koa']) await soak(framework);
process.exitCode = failed ? 1 : 0;

async function soak(framework) {
  const server = fork(new URL('soak-server.mjs', import.meta.url), [framework], {
    execArgv: ['--expose-gc'],
  });
  const [{ port }] = await once(server, 'message');
  const seen = new Map();
  const begun = performance.now();
  const measures = [];
  for (let round = 0; round < rounds; round += 1) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
    await Promise.all(
      Array.from({ length: connections }, (_, worker) =>
        work(port, agent, seen, round * connections + worker),
      ),
    );
    agent.destroy();
    server.send('measure');
    const [measure] = await once(server, 'message');
    measures.push(measure);
  }
  const seconds = (performance.now() - begun) / 1000;
  server.send('close');
  const [{ undone, counts }] = await once(server, 'message');
  await once(server, 'exit');

  const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
  const heaps = measures.map(({ heapUsed }) => heapUsed / 2 ** 20);
  const handles = measures.map(measure => measure.handles);
  console.log(`${framework}: ${total} requests in ${seconds.toFixed(0)} s`);
  console.log('  counts:', JSON.stringify(counts));
  console.log('  heap after each round, MiB:', heaps.map(heap => heap.toFixed(1)).join(' '));
  console.log('  handles after each round:', handles.join(' '));
  check(`${framework}: every client gets what it should`, wrong(seen), []);
  check(`${framework}: after-code`, counts.after, counts.before);
  check(`${framework}: exits`, counts.exited, counts.entered);
  check(`${framework}: tasks that ran or were dropped`, counts.ran + counts.dropped, counts.accepted);
  check(`${framework}: stray errors`, counts.stray, 0);
  check(`${framework}: unfinished work`, undone, { responses: [], exits: [], tasks: [] });
  check(`${framework}: heap is flat`, heaps.at(-1) - heaps[1] < slack, true);
  check(`${framework}: handles are flat`, handles.at(-1), handles[1]);
}

async function work(port, agent, seen, seed) {
  const paths = [...expected.keys()];
  const count = Math.ceil(requests / connections / rounds);
  for (let index = 0; index < count; index += 1) {
    const path = paths[(seed * 7 + index) % paths.length];
    const key = `${path} ${await ask(port, agent, path)}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
}

function ask(port, agent, path) {
  return new Promise(resolve => {
    const leaves = path.endsWith('left');
    const request = http.get({ port, host: '127.0.0.1', path, agent }, response => {
      if (leaves) return response.destroy();
      response.resume();
      response.once('close', () => resolve(response.complete ? response.statusCode : 'cut'));
    });
    request.once('error', error => resolve(leaves ? 'gone' : error.code));
    if (leaves) request.once('close', () => resolve('gone'));
    if (path === '/left') request.once('socket', () => setImmediate(() => request.destroy()));
  });
}

function wrong(seen) {
  return [...seen.keys()].filter(key => {
    const [path, outcome] = key.split(' ');
    return String(expected.get(path)) !== outcome;
  });
}

function check(what, actual, wanted) {
  if (isDeepStrictEqual(actual, wanted)) return;
  failed = true;
  console.error(`  FAILED ${what}:`, actual, 'instead of', wanted);
}
