// Starts a PostgreSQL server of its own for a script. Debian: `apt-get install postgresql`.
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from './own-server.mjs';

/**
 * Runs `use` with the URL of a server on loopback, and the command that restarts it as after a crash. Exits
 * with a message if PostgreSQL is not installed.
 */
export async function withPostgres(script, use) {
  const bin = findBinaries();
  if (bin === undefined) {
    console.error(`${script} needs PostgreSQL, which is not installed: \`apt-get install postgresql\`.`);
    process.exit(1);
  }
  const user = unprivileged();
  const cwd = mkdtempSync(path.join(tmpdir(), 'callnext-postgres-'));
  if (user) chownSync(cwd, user.uid, user.gid);
  const options = { ...user, cwd, stdio: 'ignore' };
  const data = path.join(cwd, 'data');
  const port = await freePort();
  const control = (...args) => [`${bin}/pg_ctl`, ['-D', data, '-w', ...args]];
  try {
    execFileSync(`${bin}/initdb`, ['-D', data, '-U', 'callnext', '-A', 'trust'], options);
    execFileSync(...control('-o', `-h 127.0.0.1 -p ${port} -k ${cwd} -c fsync=off`, 'start'), options);
    const [file, args] = control('-m', 'immediate', 'restart');
    await use(`postgres://callnext@127.0.0.1:${port}/postgres`, { file, args, options });
  } finally {
    if (existsSync(path.join(data, 'postmaster.pid')))
      execFileSync(...control('-m', 'fast', 'stop'), options);
    rmSync(cwd, { recursive: true, force: true });
  }
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
