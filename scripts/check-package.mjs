// Packs the package as it would be published and looks at it from outside: publint, are-the-types-wrong, and a program in
// each module system that installs the tarball and runs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const directory = mkdtempSync(path.join(tmpdir(), 'callnext-package-'));
try {
  const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', directory]));
  const tarball = path.join(directory, filename);
  run('npx', ['publint', '--strict', tarball]);
  run('npx', ['attw', tarball]);
  install(tarball);
  run(process.execPath, ['program.mjs'], directory);
  run(process.execPath, ['program.cjs'], directory);
  console.log('The package is sound: publint, are-the-types-wrong, ESM and CommonJS.');
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function install(tarball) {
  writeFileSync(path.join(directory, 'package.json'), '{ "name": "consumer", "private": true }');
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], directory);
  const names = '{ Layer, Response, endpoint }';
  // Both copies of the package in one process: an object of one is understood by the other.
  const program = `
    const answer = request => new Response(Object.keys(request.session).length + ' from the other copy');
    const middleware = [gzip(), sessions({ secretKey: 'secret' }), fromExpress((req, res, next) => next()), answer];
    const layer = new Layer({ middleware });
    const server = require('node:http').createServer(toNode(layer, () => undefined));
    server.listen(0, '127.0.0.1', async () => {
      const response = await fetch('http://127.0.0.1:' + server.address().port);
      if ((await response.text()) !== '0 from the other copy') process.exitCode = 1;
      server.close();
      server.closeAllConnections();
    });`;
  const esm = `import { createRequire } from 'node:module';
    import ${names} from 'callnext';
    import 'callnext/express'; import 'callnext/koa';
    const require = createRequire(import.meta.url);
    const { toNode } = require('callnext/node');
    const { sessions } = require('callnext/middleware/sessions');
    const { fromExpress } = require('callnext/express');
    import { gzip } from 'callnext/middleware/gzip';${program}`;
  const cjs = `const ${names} = require('callnext');
    require('callnext/express'); require('callnext/koa');
    const { gzip } = require('callnext/middleware/gzip');
    Promise.all(['node', 'express', 'middleware/sessions'].map(name => import('callnext/' + name))).then(
      ([{ toNode }, { fromExpress }, { sessions }]) => {${program}},
    );`;
  writeFileSync(path.join(directory, 'program.mjs'), esm);
  writeFileSync(path.join(directory, 'program.cjs'), cjs);
}

function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    console.error(error.stdout, error.stderr);
    throw new Error(`\`${command} ${args.join(' ')}\` failed.`);
  }
}
