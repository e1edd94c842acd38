// Runs examples/transactions, and a store shared by servers, against a PostgreSQL server that it starts and
// stops. Debian: `apt-get install postgresql`.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, listening } from './own-server.mjs';

const bin = findBinaries();
if (bin === undefined) {
  console.error('test:postgres needs PostgreSQL, which is not installed: `apt-get install postgresql`.');
  process.exit(1);
}
const user = unprivileged();
const directory = mkdtempSync(path.join(tmpdir(), 'callnext-postgres-'));
if (user) chownSync(directory, user.uid, user.gid);
const options = { ...user, cwd: directory };
const port = await freePort();
let server;
try {
  const data = path.join(directory, 'data');
  execFileSync(`${bin}/initdb`, ['-D', data, '-U', 'callnext', '-A', 'trust'], {
    ...options,
    stdio: 'ignore',
  });
  const settings = ['-h', '127.0.0.1', '-p', String(port), '-k', directory, '-c', 'fsync=off'];
  server = spawn(`${bin}/postgres`, ['-D', data, ...settings], { ...options, stdio: 'ignore' });
  await listening('PostgreSQL', () =>
    execFileSync(`${bin}/pg_isready`, ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' }),
  );
  const url = `postgres://callnext@127.0.0.1:${port}/postgres`;
  const env = { ...process.env, DATABASE_URL: url };
  execFileSync('npx', ['jest', 'test/examples/transactions', 'test/middleware/shared-store'], {
    env,
    stdio: 'inherit',
  });
} finally {
  if (server) {
    server.kill('SIGINT');
    await once(server, 'exit');
  }
  rmSync(directory, { recursive: true, force: true });
}

function findBinaries() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map(version => `${debian}/${version}/bin`) : [];
  const places = [...versions, ...(process.env.PATH ?? '').split(':')];
  return places.find(place => existsSync(`${place}/initdb`) && existsSync(`${place}/postgres`));
}

/** PostgreSQL refuses to run as root. */
function unprivileged() {
  if (process.getuid() !== 0) return undefined;
  const ask = flag => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: ask('-u'), gid: ask('-g') };
}
