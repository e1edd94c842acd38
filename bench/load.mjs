// Puts contenders under load, each in its own process, and measures CPU time per request and throughput.
import { execFile, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const connections = 20;
const hasWrk = works('wrk', ['--version']);
// Server and load share one core, so that no answer has to wake a client on another core: a client on another
// machine does not cost the server that.
const isPinned = os.cpus().length > 1 && works('taskset', ['--version']);

const pinning = isPinned ? ', server and load pinned to one core' : '';
export const loader = `${hasWrk ? 'wrk' : 'autocannon'}, ${connections} connections${pinning}`;

/** Starts a script, which sends `{ port }` once it listens. */
export async function start(script, name, node) {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [name], {
    env: { ...process.env, NODE_ENV: 'production' },
    execPath: node,
  });
  const { port } = await told(child);
  if (isPinned) execFileSync('taskset', ['-a', '-p', '-c', '1', String(child.pid)], { stdio: 'ignore' });
  return { name, child, url: `http://127.0.0.1:${port}/` };
}

export async function stop({ child }) {
  child.disconnect();
  if (child.exitCode === null) await once(child, 'exit');
}

export async function told(child) {
  const [message] = await once(child, 'message');
  return message;
}

/**
 * Returns microseconds of CPU time (user and system) per request, and requests per second, under load for
 * `seconds`.
 */
export async function measure(server, seconds) {
  const before = await cpuOf(server);
  const { requests, took } = await load(server.url, seconds);
  const used = (await cpuOf(server)) - before;
  return { cpu: used / requests, rate: requests / took };
}

async function cpuOf({ child }) {
  const answer = told(child);
  child.send('cpu');
  const { user, system } = await answer;
  return user + system;
}

async function load(url, seconds) {
  if (!hasWrk) return loadByAutocannon(url, seconds);
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, url];
  const pinned = isPinned ? ['taskset', ['-c', '1', 'wrk', ...args]] : ['wrk', args];
  const { stdout: output } = await promisify(execFile)(...pinned);
  const [, requests, took, unit] = /(\d+) requests in ([\d.]+)(m?s)/.exec(output) ?? [];
  if (requests === undefined || /Non-2xx|Socket errors/.test(output)) throw new Error(`${url}:\n${output}`);
  return { requests: Number(requests), took: unit === 'ms' ? Number(took) / 1000 : Number(took) };
}

async function loadByAutocannon(url, duration) {
  const { default: autocannon } = await import('autocannon');
  const result = await autocannon({ url, connections, duration });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} bad answers, ${result.errors} errors`);
  return { requests: result.requests.total, took: result.duration };
}

function works(command, args) {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch (error) {
    // wrk exits with 1 for --version.
    return error.code !== 'ENOENT';
  }
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
