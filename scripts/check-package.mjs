// Packs the package as for publishing and checks it from outside: publint, are-the-types-wrong, and a program
// in each module system that installs the tarball and runs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { weigh } from './weight.mjs';

const directory = mkdtempSync(path.join(tmpdir(), 'callnext-package-'));
try {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', directory]));
  const tarball = path.join(directory, packed.filename);
  run('npx', ['publint', '--strict', tarball]);
  run('npx', ['attw', tarball]);
  install(tarball);
  run(process.execPath, ['program.mjs'], directory);
  run(process.execPath, ['program.cjs'], directory);
  checkStack([], /\bendpoint \(.*dist.cjs.chunks.core\.js:\d+/);
  checkStack(['--enable-source-maps'], /\bendpoint \(.*core.endpoint.endpoint\.ts:\d+/);
  for (const line of await weigh(packed)) console.log(line);
  console.log('The package is sound: publint, are-the-types-wrong, ESM and CommonJS.');
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function install(tarball) {
  writeFileSync(path.join(directory, 'package.json'), '{ "name": "consumer", "private": true }');
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], directory);
  const names = '{ Layer, Response, endpoint }';
  // Loads both module formats in one process: each must understand objects of the other.
  const program = `
    const answer = request => new Response(Object.keys(request.session).length + ' from the other copy');
    const native = fromExpress((req, res, next) => next());
    const middleware = [gzip(), sessions({ secretKey: 'secret' }), native, answer];
    const layer = new Layer({ middleware });
    const server = require('node:http').createServer(toNode(layer, () => undefined));
    server.listen(0, '127.0.0.1', async () => {
      const response = await fetch('http://127.0.0.1:' + server.address().port);
      if ((await response.text()) !== '0 from the other copy') process.exitCode = 1;
      const page = await new TestClient(toNode(inspector())).get('/');
      if (!(await page.text()).includes('<title>callnext inspector</title>')) process.exitCode = 1;
      server.close();
      server.closeAllConnections();
    });`;
  const esm = `import { createRequire } from 'node:module';
    import ${names} from 'callnext';
    import 'callnext/express'; import 'callnext/koa';
    import { inspector } from 'callnext/inspector';
    const require = createRequire(import.meta.url);
    const { toNode } = require('callnext/node');
    const { sessions } = require('callnext/middleware/sessions');
    const { fromExpress } = require('callnext/express');
    const { TestClient } = require('callnext/testing');
    import { gzip } from 'callnext/middleware/gzip';${program}`;
  const cjs = `const ${names} = require('callnext');
    require('callnext/express'); require('callnext/koa');
    const { gzip } = require('callnext/middleware/gzip');
    const { inspector } = require('callnext/inspector');
    Promise.all(['node', 'express', 'middleware/sessions', 'testing'].map(name => import('callnext/' + name))).then(
      ([{ toNode }, { fromExpress }, { sessions }, { TestClient }]) => {${program}},
    );`;
  writeFileSync(path.join(directory, 'program.mjs'), esm);
  writeFileSync(path.join(directory, 'program.cjs'), cjs);
}

/** Checks that a stack shows the names of the sources, and that the source map leads to their lines. */
function checkStack(options, expected) {
  const code = "try { require('callnext').endpoint(1) } catch (error) { console.log(error.stack) }";
  const stack = run(process.execPath, [...options, '-e', code], directory);
  if (!expected.test(stack)) throw new Error(`A stack without ${expected}:\n${stack}`);
}

function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    console.error(error.stdout, error.stderr);
    throw new Error(`\`${command} ${args.join(' ')}\` failed.`);
  }
}
