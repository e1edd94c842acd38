// npm run test:package: installs the packed tarball in fresh projects, one per kind of user, checks its types
// and runs it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The program of a project, for a module system and a framework: mounts a layer and sends a request. */
const expressProgram = (load, fromExpress) => `${load}
const timing = async (request, callNext) => {
  const response = await callNext(request);
  response.headers.set('x-layer', '1');
  return response;
};
const app = ${fromExpress}();
app.use(toExpress(new Layer({ middleware: [timing] })));
app.get('/native', (_req, res) => res.json({ native: true }));
app.get('/endpoint', toExpress(endpoint({}, () => ({ native: false }))));
${check('app')}`;

const koaProgram = load => `${load}
const timing = async (request, callNext) => {
  const response = await callNext(request);
  response.headers.set('x-layer', '1');
  return response;
};
const answer = toKoa(endpoint({}, () => ({ native: false })));
const app = new Koa();
app.use(toKoa(new Layer({ middleware: [timing] })));
app.use((ctx, next) => {
  if (ctx.path !== '/native') return answer(ctx, next);
  ctx.body = { native: true };
});
${check('app')}`;

function check(app) {
  return `(async () => {
  const client = new TestClient(${app});
  for (const [path, body] of [['/native', '{"native":true}'], ['/endpoint', '{"native":false}']]) {
    const response = await client.get(path);
    const seen = [response.status, response.headers.get('x-layer'), await response.text()].join(' ');
    if (seen !== '200 1 ' + body) throw new Error(path + ': ' + seen);
  }
  await client.settled();
  await client.close();
})().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
`;
}

const names = { express: 'toExpress', koa: 'toKoa' };
const imports = (adapter, framework, local) => `import { endpoint, Layer } from 'callnext';
import { ${names[adapter]} } from 'callnext/${adapter}';
import { TestClient } from 'callnext/testing';
import ${local} from '${framework}';
`;
const requires = (adapter, framework, local) => `const { endpoint, Layer } = require('callnext');
const { ${names[adapter]} } = require('callnext/${adapter}');
const { TestClient } = require('callnext/testing');
const ${local} = require('${framework}');
`;

const typed = `import { Depends, endpoint, Layer, type Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import { cors } from 'callnext/middleware/cors';
import { TestClient } from 'callnext/testing';
import express from 'express';

const timing: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  response.headers.set('x-layer', '1');
  return response;
};
async function* getDb() {
  yield { items: ['chair'] };
}
const readItems = endpoint({ db: Depends(getDb) }, ({ db }) => db.items.map(item => item.toUpperCase()));
// @ts-expect-error a value of another type than the dependency's
endpoint({ db: Depends(getDb) }, ({ db }) => db.missing);

const app = express();
app.use(toExpress(new Layer({ middleware: [cors(), timing] })));
app.get('/', toExpress(readItems));
const client = new TestClient(app);
const response = await client.get('/');
if ((await response.text()) !== '["CHAIR"]') process.exitCode = 1;
await client.close();
`;

const tsconfig = (module, moduleResolution) =>
  JSON.stringify({
    compilerOptions: {
      module,
      moduleResolution,
      target: 'es2022',
      strict: true,
      // Checks every declaration of the package too.
      skipLibCheck: false,
      types: ['node'],
      outDir: 'out',
      esModuleInterop: true,
    },
    include: ['program.ts'],
  });

const typesOfExpress = ['@types/express@5', '@types/node@20'];
const projects = {
  'ESM, Express 5': {
    install: ['express@5'],
    'program.mjs': expressProgram(imports('express', 'express', 'express'), 'express'),
  },
  'ESM, Express 4': {
    install: ['express@4'],
    'program.mjs': expressProgram(imports('express', 'express', 'express'), 'express'),
  },
  'CommonJS, Express 5': {
    install: ['express@5'],
    'program.cjs': expressProgram(requires('express', 'express', 'express'), 'express'),
  },
  'CommonJS, Express 4': {
    install: ['express@4'],
    'program.cjs': expressProgram(requires('express', 'express', 'express'), 'express'),
  },
  'ESM, Koa 3': { install: ['koa@3'], 'program.mjs': koaProgram(imports('koa', 'koa', 'Koa')) },
  'ESM, Koa 2': { install: ['koa@2'], 'program.mjs': koaProgram(imports('koa', 'koa', 'Koa')) },
  'CommonJS, Koa 3': { install: ['koa@3'], 'program.cjs': koaProgram(requires('koa', 'koa', 'Koa')) },
  'CommonJS, Koa 2': { install: ['koa@2'], 'program.cjs': koaProgram(requires('koa', 'koa', 'Koa')) },
  'packages that load late': { install: ['express@5'], 'program.cjs': lateProgram() },
  'TypeScript 5.4, nodenext': {
    install: ['express@5', 'typescript@5.4', ...typesOfExpress],
    'program.ts': typed,
    'tsconfig.json': tsconfig('nodenext', 'nodenext'),
    run: [
      ['npx', 'tsc'],
      ['node', 'out/program.js'],
    ],
  },
  'TypeScript 5.9, bundler': {
    install: ['express@5', 'typescript@5.9', ...typesOfExpress],
    'program.ts': typed,
    'tsconfig.json': tsconfig('es2022', 'bundler'),
    run: [
      ['npx', 'tsc'],
      ['node', 'out/program.js'],
    ],
  },
  'jest in CommonJS mode': {
    install: ['express@5', 'jest@30'],
    type: 'commonjs',
    'program.test.js': testProgram(requires('express', 'express', 'express')),
    run: [['npx', 'jest']],
  },
  vitest: {
    install: ['express@5', 'vitest@3'],
    'program.test.js': `import { expect, test } from 'vitest';
${testProgram(imports('express', 'express', 'express'))}`,
    run: [['npx', 'vitest', 'run']],
  },
  'node:test': {
    install: ['express@5'],
    'program.test.mjs': `import { test } from 'node:test';
import assert from 'node:assert/strict';
const expect = value => ({ toEqual: other => assert.deepEqual(value, other) });
${testProgram(imports('express', 'express', 'express'))}`,
    run: [['node', '--test', 'program.test.mjs']],
  },
};

/** Loads no other package at its start, and uses each of them. */
function lateProgram() {
  return `require('callnext/express');
const others = Object.keys(require.cache).filter(file => !/callnext|program/.test(file.split('node_modules').at(-1)));
if (others.length > 0) throw new Error('loaded at the start: ' + others);
const { endpoint, FileResponse, Response } = require('callnext');
const { toExpress } = require('callnext/express');
const { TestClient } = require('callnext/testing');
const assert = require('node:assert/strict');
const express = require('express');
const app = express();
app.get('/file', toExpress(endpoint({}, () => new FileResponse(__filename, { filename: 'ä.html' }))));
app.get('/cookie', toExpress(endpoint({}, ({ request }) => {
  const response = new Response(request.cookies.a);
  response.setCookie('b', '2');
  return response;
})));
(async () => {
  const client = new TestClient(app);
  const part = await client.get('/file', { headers: { range: 'bytes=0-6' } });
  assert.deepEqual([part.status, await part.text()], [206, 'require']);
  assert.match(part.headers.get('content-disposition'), /filename\\*=UTF-8''%C3%A4.html/);
  assert.match(part.headers.get('content-type'), /^text\\/html/);
  const again = await client.get('/file', { headers: { 'if-none-match': part.headers.get('etag') } });
  assert.equal(again.status, 304);
  const cookie = await client.get('/cookie', { headers: { cookie: 'a=1' } });
  assert.deepEqual([await cookie.text(), cookie.headers.get('set-cookie')], ['1', 'b=2; Path=/; SameSite=Lax']);
  await client.close();
})().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
`;
}

/** A test of an app, for any runner: overrides, the client, the order. */
function testProgram(load) {
  const loaded = load
    .replace('{ endpoint, Layer }', '{ Depends, endpoint, Layer }')
    .replace('{ TestClient }', '{ override, TestClient }');
  return `${loaded}
const getName = () => 'real';
async function* getDb() {
  yield 'db';
}
const layer = new Layer();
const app = express();
app.use(toExpress(layer));
const needs = { name: Depends(getName), db: Depends(getDb) };
app.get('/', toExpress(endpoint(needs, function read({ name, backgroundTasks }) {
  backgroundTasks.addTask(function notify() {});
  return { name };
})));

test('an app with an override', async () => {
  const client = new TestClient(app);
  const restore = override(layer, getName, () => 'fake');
  expect(await (await client.get('/')).json()).toEqual({ name: 'fake' });
  restore();
  expect(await (await client.get('/')).json()).toEqual({ name: 'real' });
  await client.settled();
  client.clearTrace();
  await client.get('/');
  await client.settled();
  expect(client.trace.slice(-4)).toEqual(['read', 'sent 200', 'getDb exit', 'task notify']);
  await client.close();
});
`;
}

const directory = mkdtempSync(path.join(tmpdir(), 'callnext-projects-'));
let failed = 0;
try {
  const [{ filename }] = JSON.parse(run(['npm', 'pack', '--json', '--pack-destination', directory]));
  const only = process.argv[2];
  for (const [name, project] of Object.entries(projects)) {
    if (only && !name.includes(only)) continue;
    try {
      tryProject(name, project, path.join(directory, filename));
      console.log(`ok    ${name}`);
    } catch (error) {
      failed += 1;
      console.error(`fails ${name}: ${error.message}`);
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;

function tryProject(name, { install, type = 'module', run: steps, ...files }, tarball) {
  const home = path.join(directory, name.replace(/\W+/g, '-'));
  mkdirSync(home);
  writeFileSync(path.join(home, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type }));
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(home, file), text);
  run(['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball, ...install], home);
  for (const step of steps ?? [['node', Object.keys(files)[0]]]) run(step, home);
}

function run([command, ...args], cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`\`${command} ${args.join(' ')}\`\n${error.stdout}${error.stderr}`);
  }
}
