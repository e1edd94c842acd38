// npm run test:site: builds the documentation site and reads it in headless Chromium at phone and desktop
// width: every page, link and anchor works, nothing is wider than the window, and the console shows no error.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { endpoint, FileResponse, HTTPException } from 'callnext';
import { toNode } from 'callnext/node';
import { launchChromium } from './own-browser.mjs';

const root = path.join(import.meta.dirname, '..');
const site = path.join(root, 'dist/site');
const npm = (...args) =>
  execFileSync('npm', args, { cwd: path.join(root, 'scripts/site'), stdio: 'inherit' });

npm('ci', '--no-audit', '--no-fund', '--silent');
execFileSync(process.execPath, [path.join(root, 'scripts/site/build.mjs')], {
  stdio: ['ignore', 'ignore', 'inherit'],
});

const files = new Set(readdirSync(site, { recursive: true }));
const serve = endpoint({}, ({ request }) => {
  const { pathname } = new URL(request.url);
  const name = decodeURIComponent(pathname.slice(1));
  const found = [name, `${name}.html`, path.posix.join(name, 'index.html')].find(
    each => files.has(each) && path.extname(each),
  );
  if (found === undefined) throw new HTTPException(404);
  return new FileResponse(path.join(site, found));
});
const server = http.createServer(toNode(serve)).listen(0, '127.0.0.1');
await new Promise(resolve => server.once('listening', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await launchChromium();
const faults = [];
const pages = [...files]
  .filter(name => name.endsWith('.html') && name !== '404.html')
  .map(name => `/${name.replace(/(index)?\.html$/, '')}`);
const anchors = new Map();
const links = new Map();
try {
  for (const [name, width, height] of [
    ['phone', 390, 844],
    ['desk', 1280, 900],
  ]) {
    const page = await browser.newPage({ viewport: { width, height } });
    let here = '';
    page.on('request', request => {
      if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
        faults.push(`${name} ${here}: asks for ${request.url()}, which is not there offline`);
    });
    page.on('pageerror', error => faults.push(`${name} ${here}: ${error.message}`));
    page.on('console', message => {
      if (message.type() === 'error') faults.push(`${name} ${here}: ${message.text()}`);
    });
    for (here of pages) {
      await page.goto(origin + here, { waitUntil: 'load' });
      const seen = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth - window.innerWidth,
        title: document.querySelector('h1')?.textContent ?? '',
        ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
        links: [...document.querySelectorAll('a[href]')].map(({ href }) => href),
      }));
      if (seen.wide > 0) faults.push(`${name} ${here}: ${seen.wide} pixels wider than the window`);
      if (seen.title === '') faults.push(`${name} ${here}: no heading`);
      anchors.set(here, new Set(seen.ids));
      for (const link of seen.links) links.set(link, here);
    }
    for (const shown of ['/', '/guides/add-to-express', '/reference/order', '/api/', '/api/Layer']) {
      await page.goto(origin + shown);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        const file = `dist/site-${name}-${colorScheme}${shown.replaceAll('/', '-')}.png`;
        await page.screenshot({ path: path.join(root, file) });
      }
      await page.emulateMedia({ colorScheme: 'light' });
    }
    await page.goto(origin, { waitUntil: 'networkidle' }); // the key is heard once the scripts have run
    await page.keyboard.press('/');
    await page.locator('#localsearch-input').fill('addMiddleware');
    const results = page.locator('#localsearch-list a');
    await results
      .first()
      .waitFor({ timeout: 10_000 })
      .catch(() => faults.push(`${name}: nothing found`));
    await page.screenshot({ path: path.join(root, `dist/site-${name}-search.png`) });
    await page.close();
  }
  const inside = [...links].filter(([link]) => link.startsWith(origin));
  for (const [link, from] of inside) {
    const { pathname, hash } = new URL(link);
    const target = pathname.replace(/(index)?\.html$/, '');
    if (!anchors.has(target) && !files.has(decodeURIComponent(target.slice(1))))
      faults.push(`${from}: broken link to ${pathname}`);
    else if (hash && anchors.has(target) && !anchors.get(target).has(decodeURIComponent(hash.slice(1))))
      faults.push(`${from}: no place ${hash} on ${pathname}`);
  }
  for (const fault of faults) console.error(fault);
  console.log(`${pages.length} pages at two widths, ${inside.length} links: ${faults.length} faults.`);
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}
process.exitCode = faults.length > 0 ? 1 : 0;
