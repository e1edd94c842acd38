// npm run test:inspector: opens the inspector in headless Chromium while the requests of the demonstration
// run, on Express and Koa. STREAM_SECONDS=30 keeps the stream open for so long, instead of two seconds.
import assert from 'node:assert/strict';
import http from 'node:http';
import path from 'node:path';
import { TestClient } from 'callnext/testing';
import { countAfterLoad } from './inspector/load.mjs';
import { readDetail, rows, until } from './inspector/read-page.mjs';
import { addRoutes, stream } from './inspector/routes.mjs';
import { launchChromium } from './own-browser.mjs';

const root = path.join(import.meta.dirname, '..');
const { scenarios } = await import(path.join(root, 'dist/examples/order/promise.js'));
const seconds = Number(process.env.STREAM_SECONDS ?? 2);
const browser = await launchChromium();
try {
  for (const framework of ['express', 'koa']) {
    const { app } = await import(path.join(root, `dist/examples/order/${framework}.js`));
    await addRoutes(framework, app);
    await check(framework, framework === 'koa' ? app.callback() : app);
  }
} finally {
  await browser.close();
}

async function check(framework, listener) {
  // Requests go to a server of their own, so that their trace has none of the inspector's.
  const server = await listen(listener);
  const client = new TestClient(listener, { socket: true });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const faults = [];
  page.on('pageerror', error => faults.push(error.message));
  page.on('console', message => message.type() === 'error' && faults.push(message.text()));
  await page.goto(`http://127.0.0.1:${server.address().port}/inspector`);
  await until(page, () => document.getElementById('connection').textContent === 'Live');
  await page.getByRole('button', { name: 'Clear' }).click();

  await demonstration(page, client);
  await marks(page, client);
  await openStream(page, client);
  await hostile(page, client);
  await filters(page);
  await keyboard(page);
  await reader(page);
  await copying(page);
  await reconnecting(page, client, server, faults);
  await pictures(page, framework);
  const grown = await countAfterLoad(page, client);
  assert.deepEqual(faults, []);
  await context.close();
  await client.close();
  server.close();
  server.closeAllConnections();
  console.log(`Chromium ${browser.version()} on ${framework}: the inspector works. ${grown}`);
}

/** Each row has the events of the client's trace, in the same words and order. */
async function demonstration(page, client) {
  for (const [index, { method, path: requested, status }] of scenarios.entries()) {
    client.clearTrace();
    const response = await client.request(method, requested, { settle: true });
    assert.equal(response.status, status);
    await until(page, count => document.querySelectorAll('#requests li').length === count, index + 1);
    await rows(page).first().click();
    await until(
      page,
      text => document.getElementById('detail-title').textContent === text,
      `${method} ${requested}`,
    );
    await until(
      page,
      () => document.querySelector('.verdict').textContent === 'It ran in the promised order.',
    );
    const { head, traced } = await readDetail(page);
    assert.equal(head, `${method} ${requested} → ${status}`);
    assert.deepEqual(traced, [...client.trace]);
  }
}

async function marks(page, client) {
  const [orders] = await labels(page);
  assert.match(orders, /^POST \/orders, 500, [\d.]+ ms, rolled back, task dropped$/);
  const left = await client.get('/stream', { stream: true });
  for await (const _chunk of left.body) break;
  await until(page, () => /client left/.test(document.querySelector('#requests button').ariaLabel));
}

/** A stream is running until its last byte, however long that takes. */
async function openStream(page, client) {
  const response = await client.get('/stream', { stream: true });
  await until(page, () =>
    /^GET \/stream, running/.test(document.querySelector('#requests button').ariaLabel),
  );
  await rows(page).first().click();
  await until(page, () => document.querySelectorAll('.timeline [data-running]').length > 0);
  const begun = performance.now();
  await new Promise(resolve => setTimeout(resolve, seconds * 1_000));
  stream.end();
  await response.text();
  const open = performance.now() - begun;
  await until(page, () => /^GET \/stream, 200/.test(document.querySelector('#requests button').ariaLabel));
  const [label] = await labels(page);
  const [, time, unit] = /, ([\d.]+) (ms|s)$/.exec(label);
  assert.ok(Number(time) * (unit === 's' ? 1_000 : 1) >= open * 0.99, `${label} after ${open} ms`);
}

/** Names, paths and messages are shown as text. */
async function hostile(page, client) {
  await client.get('/hostile/<img src=x onerror=alert(1)>?token=secret', { settle: true });
  await until(page, () => /^GET \/hostile/.test(document.querySelector('#requests button').ariaLabel));
  await rows(page).first().click();
  await until(page, () => /onerror/.test(document.querySelector('.notes')?.textContent));
  assert.equal(await page.locator('main img').count(), 0);
  assert.doesNotMatch(await page.locator('body').textContent(), /secret/);
}

async function filters(page) {
  const all = await labels(page);
  await page.getByLabel('Status').selectOption('5');
  const failed = await labels(page);
  assert.ok(failed.length > 0 && failed.every(label => /, 500, /.test(label)));
  assert.equal(await page.locator('#count').textContent(), `${failed.length} of ${all.length}`);
  assert.equal(await page.locator('#found').textContent(), `${failed.length} of ${all.length} requests`);
  await page.getByLabel('Status').selectOption('');
  await page.getByLabel('Route').fill('items');
  assert.deepEqual(
    (await labels(page)).map(label => label.split(',')[0]),
    ['GET /items/1'],
  );
  await page.getByLabel('Route').fill('');
  await page.getByLabel('Slower than').fill(String(seconds * 900));
  assert.ok((await labels(page)).every(label => label.startsWith('GET /stream')));
  await page.getByLabel('Slower than').fill('');
  assert.deepEqual(await labels(page), all);
}

/** Everything can be reached and read without a mouse. */
async function keyboard(page) {
  const focused = () => page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.id);
  const all = await labels(page);
  await page.getByLabel('Route').focus();
  const reached = [];
  for (let index = 0; index < 5; index += 1) {
    await page.keyboard.press('Tab');
    reached.push(await focused());
  }
  assert.deepEqual(reached, ['status', 'slower', 'pause', 'clear', all[0]]);
  for (const [key, index] of [
    ['ArrowDown', 1],
    ['End', all.length - 1],
    ['ArrowUp', all.length - 2],
    ['Home', 0],
  ]) {
    await page.keyboard.press(key);
    assert.equal(await focused(), all[index]);
  }
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.equal(await focused(), 'detail');
  assert.equal(await page.locator('[aria-current]').getAttribute('aria-label'), all[1]);
}

/** What a screen reader is given. */
async function reader(page) {
  await page.getByRole('button', { name: /^GET \/items\/1/ }).click();
  const tree = await page.locator('body').ariaSnapshot();
  for (const part of [
    /- heading "callnext inspector" \[level=1\]/,
    /- status: Live/,
    /- search "Filter requests"/,
    /- searchbox "Route"/,
    /- combobox "Status"/,
    /- spinbutton "Slower than, ms"/,
    /- button "Pause"/,
    /- list "Requests":\n *- listitem:\n *- button "[A-Z]+ \S+, /,
    /- heading "GET \/items\/1" \[level=2\]/,
    /- list "Timeline":\n *- listitem:\n.*\n *- 'img "from [\d.]+ ms: in [\d.]+ ms, below [\d.]+ ms, out [\d.]+ ms"/,
    /- 'img "from [\d.]+ ms: enter [\d.]+ ms, open [\d.]+ ms, exit [\d.]+ ms"/,
    /- button "Copy as text"/,
    /It ran in the promised order\./,
  ])
    assert.match(tree, part);
}

async function copying(page) {
  await page.getByRole('button', { name: 'Copy as text' }).click();
  await until(page, () => /Copied/.test(document.getElementById('shown').textContent));
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, await page.locator('pre').textContent());
  assert.match(copied, /^GET \/items\/1 → 200\n\n {2,}[\d.]+ ms {2}middleware {2}processTime before\n/);
}

/** After a lost connection the page goes on where it was; a paused page goes on when it is resumed. */
async function reconnecting(page, client, server, faults) {
  const before = await labels(page);
  server.closeAllConnections();
  await client.get('/items/1', { settle: true });
  await until(page, count => document.querySelectorAll('#requests li').length === count, before.length + 1);
  assert.deepEqual((await labels(page)).slice(1), before);
  faults.splice(
    0,
    faults.length,
    ...faults.filter(fault => !/ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE/.test(fault)),
  );
  const pause = page.getByRole('button', { name: 'Pause' });
  await pause.click();
  await client.get('/items/1', { settle: true });
  await new Promise(resolve => setTimeout(resolve, 600));
  assert.equal(await rows(page).count(), before.length + 1);
  await pause.click();
  await until(page, count => document.querySelectorAll('#requests li').length === count, before.length + 2);
}

async function pictures(page, framework) {
  await page.getByRole('button', { name: /^POST \/orders/ }).click();
  for (const [width, height] of [
    [1280, 900],
    [390, 844],
  ]) {
    await page.setViewportSize({ width, height });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${wide} pixels wider than ${width}`);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const file = `dist/inspector-${framework}-${width}-${colorScheme}.png`;
      await page.screenshot({ path: path.join(root, file), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 900 });
}

function labels(page) {
  return rows(page).evaluateAll(buttons => buttons.map(({ ariaLabel }) => ariaLabel));
}

async function listen(listener) {
  const server = http.createServer(listener);
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return server;
}
