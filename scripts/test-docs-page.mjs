// npm run test:docs-page: opens the docs pages in headless Chromium, on Express and Koa, with helmet() above
// and no network. Debian: `apt-get install chromium`. `PICTURES=folder` keeps pictures of the pages.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { absolutePath } from 'swagger-ui-dist';
import { appOn, providerApp } from './docs-page/app.mjs';
import { packagesFor } from './docs-page/packages.mjs';
import { PageCheck } from './docs-page/page-check.mjs';
import { launchChromium } from './own-browser.mjs';

const redoc = 'redoc@2.5.4';
const scalar = '@scalar/api-reference@1.76.0';
const { folder, packages } = packagesFor([redoc, scalar]);
const assets = {
  swagger: absolutePath(),
  redoc: path.join(packages[redoc], 'bundles'),
  scalar: path.join(packages[scalar], 'dist/browser'),
};
/** Folders of what a page may load from other hosts; nothing answers where the fonts are. */
const cdn = {
  'https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0/': absolutePath(),
  ...Object.fromEntries(
    Object.entries(packages).map(([name, at]) => [`https://cdn.jsdelivr.net/npm/${name}/`, at]),
  ),
  'https://fonts.googleapis.com/': undefined,
  'https://fonts.scalar.com/': undefined,
};
const names = ['docs', 'redoc', 'scalar'];
const browser = await launchChromium();
try {
  const provider = await served(providerApp());
  for (const [framework, make] of Object.entries(appOn)) {
    const server = await served(make({ assets, provider: provider.origin }));
    await visit(`${server.origin}/api`, framework);
    await server.close();
    console.log(`Chromium ${browser.version()} on ${framework}: the docs pages work.`);
  }
  await provider.close();
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

async function visit(url, framework) {
  const steps = {
    'an operation is tried out': tryOut,
    'a password gets a token': authorizeByPassword,
    'an authorization code gets a token': authorizeByCode,
    'a denied or forged code gets none': refuseCode,
    'files that cannot be loaded are named': lackFiles,
    ...Object.fromEntries(names.map(name => [name, check => look(check, name, framework)])),
    ...Object.fromEntries(
      names.map(name => [`${name} from a CDN`, check => look(check, `${name}-from-cdn`)]),
    ),
  };
  for (const [name, step] of Object.entries(steps)) {
    const check = await PageCheck.open(browser, url, name.includes('CDN') ? cdn : {});
    try {
      await step(check);
      await check.close();
    } catch (error) {
      await check.picture('failed.png').catch(() => undefined);
      console.error(`${framework}: ${name}`, check.problems);
      throw error;
    }
  }
}

async function tryOut(check) {
  await check.show('docs', 'Read Item');
  assert.equal(await call(check, 'Read Item', { item_id: '7' }), '{\n  "item_id": 7\n}');
}

async function authorizeByPassword(check) {
  await check.show('docs/', 'Read Me');
  const { page } = check;
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const form = page.locator('.auth-container').filter({ hasText: 'OAuth2PasswordBearer' });
  await form.locator('#oauth_username').fill('alice');
  await form.locator('#oauth_password').fill('secret');
  await form.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click();
  await form.getByRole('button', { name: 'Remove authorization' }).waitFor();
  await page.getByRole('button', { name: 'Close' }).first().click();
  assert.equal(await call(check, 'Read Me'), '{\n  "username": "alice"\n}');
}

async function authorizeByCode(check) {
  const form = await logInByCode(check);
  await form.getByRole('button', { name: 'Remove authorization' }).waitFor();
  await check.page.getByRole('button', { name: 'Close' }).first().click();
  assert.equal(await call(check, 'Read Orders'), '[\n  {\n    "of": "alice"\n  }\n]');
}

async function refuseCode(check) {
  for (const [client, message] of [
    ['denied', '[access_denied]'],
    ['forged', 'another state'],
  ]) {
    const form = await logInByCode(check, client);
    await form.getByText(message).waitFor();
    await form.getByRole('button', { name: 'Apply given OAuth2 credentials' }).waitFor();
  }
}

/** Logs in by a window of the authorization server, and waits until it is closed. */
async function logInByCode(check, client = 'docs') {
  await check.show('docs', 'Read Orders');
  const { page } = check;
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const form = page.locator('.auth-container').filter({ hasText: 'OAuth2AuthorizationCodeBearer' });
  await form.locator('input[id^=client_id]').fill(client);
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    form.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click(),
  ]);
  if (!popup.isClosed()) await popup.waitForEvent('close');
  return form;
}

/** Tries an operation out and returns the body of the response. */
async function call({ page }, summary, parameters = {}) {
  const block = page.locator('.opblock').filter({ hasText: summary });
  await block.locator('.opblock-summary-control').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  for (const [name, value] of Object.entries(parameters)) await block.getByPlaceholder(name).fill(value);
  await block.getByRole('button', { name: 'Execute' }).click();
  return block.locator('.live-responses-table .response-col_description code').first().textContent();
}

/** Opens pages whose CDN does not answer. */
async function lackFiles(check) {
  await check.show('docs-from-cdn', 'The files of Swagger UI could not be loaded.');
  await check.show('scalar-from-cdn', 'The files of Scalar could not be loaded.');
  for (const each of check.problems) assert.match(each, /^request: https:\/\/cdn\.jsdelivr\.net\//);
  check.problems.clear();
}

async function look(check, name, framework) {
  for (const width of [1280, 390]) {
    await check.show(name, 'Read Item', width);
    if (framework) await check.picture(`${framework}-${name}-${width}.png`);
  }
}

async function served(listener) {
  const server = http.createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, close };
}
