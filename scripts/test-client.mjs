// npm run test:client: generates a client from the document of each example, compiles it, and calls the
// running apps with it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

const packages = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', 'typescript@5.9.3'];

const shop = `import createClient from 'openapi-fetch';
import { equal } from './equal.js';
import type { components, operations, paths } from './shop.js';

const towel: components['schemas']['Item'] = { name: 'Towel', price: 9.5 };
const client = createClient<paths>({ baseUrl: process.argv[2] as string });

const list = await client.GET('/shop/items', { params: { query: { limit: 1 } } });
equal(list.data?.[0]?.name, 'Towel');
const refused = await client.GET('/shop/items', { params: { query: { limit: 101 } } });
equal(refused.response.status, 422);
equal(refused.error?.detail?.[0]?.loc, ['query', 'limit']);

const read = await client.GET('/shop/items/{item_id}', { params: { path: { item_id: 1 } } });
equal(read.data, towel);
const missing = await client.GET('/shop/items/{item_id}', { params: { path: { item_id: 2 } } });
equal([missing.response.status, missing.error], [404, { detail: 'Item not found' }]);

const write = { params: { path: { item_id: 2 } }, body: { name: 'Robe', price: 42 } };
equal((await client.PUT('/shop/items/{item_id}', write)).response.status, 401);
const headers = { authorization: 'Bearer secret-token' };
const written: components['schemas']['Item'] | undefined = (
  await client.PUT('/shop/items/{item_id}', { ...write, headers })
).data;
equal(written, write.body);

type ReadItem = operations['read_item_shop_items__item_id__get'];
const parameters: ReadItem['parameters']['path'] = { item_id: 1 };
equal(parameters.item_id, 1);

export async function refusedByTypes() {
  // @ts-expect-error an unknown path
  await client.GET('/shop/unknown');
  // @ts-expect-error a path parameter of another type
  await client.GET('/shop/items/{item_id}', { params: { path: { item_id: 'one' } } });
  // @ts-expect-error an unknown query parameter
  await client.GET('/shop/items', { params: { query: { offset: 1 } } });
  // @ts-expect-error a body without its price
  await client.PUT('/shop/items/{item_id}', { params: { path: { item_id: 1 } }, body: { name: 'Robe' } });
}
`;

const login = `import createClient from 'openapi-fetch';
import { equal } from './equal.js';
import type { paths } from './login.js';

const client = createClient<paths>({ baseUrl: process.argv[2] as string });
const headers = { 'content-type': 'application/x-www-form-urlencoded' };
const token = await client.POST('/token', {
  body: { username: 'john', password: 'secret', scope: 'me' },
  headers,
});
const { access_token } = token.data as { access_token: string };
client.use({
  onRequest({ request }) {
    request.headers.set('authorization', 'Bearer ' + access_token);
  },
});
equal((await client.GET('/users/me')).data, { username: 'john' });
equal((await client.GET('/users/me/items')).response.status, 401);

export async function refusedByTypes() {
  // @ts-expect-error a form without a password
  await client.POST('/token', { body: { username: 'john' }, headers });
}
`;

const equal = `import assert from 'node:assert/strict';

export function equal(actual: unknown, expected: unknown): void {
  assert.deepEqual(actual, expected);
}
`;

/** Generates the types of every other document in one process. */
const generate = `import { readdirSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';

for (const file of readdirSync('.').filter(each => each.endsWith('.json') && !/^(package|tsconfig)/.test(each)))
  writeFileSync(
    file.replace('.json', '.ts'),
    astToString(await openapiTS(new URL(file, import.meta.url))),
  );
`;

const tsconfig = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    types: ['node'],
    outDir: 'out',
  },
};

const folder = mkdtempSync(path.join(tmpdir(), 'callnext-client-'));
try {
  write('package.json', JSON.stringify({ private: true, type: 'module' }));
  install();
  write('equal.ts', equal);
  write('generate.js', generate);
  write('shop-client.ts', shop);
  write('login-client.ts', login);
  write('tsconfig.json', JSON.stringify(tsconfig));
  const pages = await documentTutorial();
  await withApp('openapi', url =>
    runBeside('npx', 'openapi-typescript', `${url}/openapi.json`, '--output', 'shop.ts'),
  );
  await withApp('security', url => keepDocument('login', url));
  run('node', 'generate.js');
  run('node_modules/.bin/tsc');
  await withApp('openapi', url => runBeside('node', 'out/shop-client.js', url));
  await withApp('security', url => runBeside('node', 'out/login-client.js', url));
  console.log(`Clients of the examples compile and call them; the types of ${pages} tutorial pages compile.`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function install() {
  try {
    const all = [...packages, '@types/node@20'];
    run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', ...all);
  } catch (error) {
    throw new Error(`test:client needs ${packages.join(', ')} from npm, which could not be installed.`, {
      cause: error,
    });
  }
}

/** Keeps the document of every page of the ported tutorial, and returns how many there are. */
async function documentTutorial() {
  const home = path.resolve('dist/examples/fastapi-tutorial');
  const { onExpress } = await import(path.join(home, 'page.js'));
  let count = 0;
  for (const file of readdirSync(home).filter(name => name.endsWith('.js') && name !== 'page.js')) {
    const pages = Object.values(await import(path.join(home, file))).filter(each => each?.routes);
    for (const page of pages) {
      count += 1;
      await serve(onExpress(page), url => keepDocument(`tutorial-${count}`, url));
    }
  }
  return count;
}

async function withApp(example, use) {
  const { app } = await import(path.resolve(`dist/examples/${example}/app.js`));
  return serve(app, use);
}

async function serve(listener, use) {
  const server = http.createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await use(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }
}

async function keepDocument(name, url) {
  const response = await fetch(`${url}/openapi.json`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${name}: ${response.status} ${text}`);
  write(`${name}.json`, text);
}

/** Runs a command while this process serves an app. */
async function runBeside(command, ...args) {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`\`${command} ${args.join(' ')}\` failed.`);
}

function write(file, text) {
  writeFileSync(path.join(folder, file), text);
}

function run(command, ...args) {
  try {
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`\`${command} ${args.join(' ')}\`\n${error.stdout}${error.stderr}`);
  }
}
