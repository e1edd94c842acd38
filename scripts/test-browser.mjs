// Tests responses and forms in headless Chromium, on Express and Koa. Debian: `apt-get install chromium`.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  Depends,
  EventSourceResponse,
  endpoint,
  FileResponse,
  HTMLResponse,
  Layer,
  ServerSentEvent,
} from 'callnext';
import { launchChromium, listenerOf } from './own-browser.mjs';

const browser = await launchChromium();
const folder = mkdtempSync(path.join(tmpdir(), 'callnext-browser-'));
try {
  for (const framework of ['express', 'koa']) {
    const log = [];
    const server = http.createServer(
      listenerOf(
        framework,
        new Layer({ onError: error => log.push(`reported: ${error.stack}`) }),
        endpoints(log),
      ),
    );
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
    const page = await browser.newPage();
    page.setDefaultTimeout(10_000);
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await events(page, log);
    await upload(page);
    await cookies(page);
    await download(page);
    await page.close();
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
    assert.deepEqual(
      log.filter(line => line.startsWith('reported')),
      [],
    );
    console.log(
      `Chromium ${browser.version()} on ${framework}: events, reconnect, upload, cookies and download work.`,
    );
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

function endpoints(log) {
  async function* getFeed() {
    yield 'feed';
    log.push('exit');
  }
  const page = endpoint(
    {},
    () =>
      new HTMLResponse(
        '<form method="post" enctype="multipart/form-data" action="/upload">' +
          '<input name="a" value="é &quot;1&quot;"><input type="file" name="f" multiple>' +
          '<button>Send</button></form>',
      ),
  );
  const events = endpoint({ feed: Depends(getFeed) }, ({ request, backgroundTasks }) => {
    const last = Number(request.headers.get('last-event-id') ?? 0);
    log.push(`connected after ${last}`);
    backgroundTasks.addTask(() => log.push('task'));
    async function* feed() {
      try {
        if (last === 0) {
          yield new ServerSentEvent({ comment: 'hello', retry: 50 });
          yield new ServerSentEvent({ data: { n: 1, text: 'é\n' }, id: '1' });
          yield new ServerSentEvent({ event: 'named', rawData: 'two\nlines', id: '2' });
          return; // the connection ends, and the browser reconnects
        }
        yield new ServerSentEvent({ data: { n: last + 1 }, id: String(last + 1) });
        await new Promise(resolve => request.signal.addEventListener('abort', resolve, { once: true }));
      } finally {
        log.push('closed');
      }
    }
    return new EventSourceResponse(feed(), { pingInterval: 20 });
  });
  const upload = endpoint({}, async ({ request }) => {
    const form = await request.form();
    const files = form.getAll('f');
    const seen = await Promise.all(
      files.map(async file => [file.filename, file.contentType, file.size, (await file.text()).slice(0, 5)]),
    );
    return new HTMLResponse(`<pre>${JSON.stringify([form.get('a'), seen])}</pre>`);
  });
  const cookies = endpoint({}, ({ request, response }) => {
    response.setCookie('open', 'é; 1');
    response.setCookie('hidden', '1', { httpOnly: true, sameSite: 'strict', maxAge: 60 });
    response.deleteCookie('old');
    return request.cookies;
  });
  const file = path.join(folder, 'report.txt');
  writeFileSync(file, 'a report');
  const download = endpoint({}, () => new FileResponse(file, { filename: 'Bericht für März 文.txt' }));
  return { '/': page, '/events': events, '/upload': upload, '/cookies': cookies, '/download': download };
}

async function events(page, log) {
  const received = await page.evaluate(
    () =>
      new Promise(resolve => {
        const seen = [];
        const source = new EventSource('/events');
        const note = (type, event) => {
          seen.push([type, event.data, event.lastEventId]);
          if (seen.length < 3) return;
          source.close();
          resolve(seen);
        };
        source.addEventListener('message', event => note('message', event));
        source.addEventListener('named', event => note('named', event));
      }),
  );
  assert.deepEqual(received, [
    ['message', '{"n":1,"text":"é\\n"}', '1'],
    ['named', 'two\nlines', '2'],
    ['message', '{"n":3}', '3'],
  ]);
  while (log.filter(line => line === 'task').length < 2) await new Promise(resolve => setImmediate(resolve));
  const once = ['closed', 'exit', 'task'];
  assert.deepEqual(log, ['connected after 0', ...once, 'connected after 2', ...once]);
}

async function upload(page) {
  await page.setInputFiles('input[type=file]', [
    { name: 'é 文 "q".txt', mimeType: 'text/plain', buffer: Buffer.from('small') },
    { name: 'large.bin', mimeType: 'application/x-large', buffer: Buffer.alloc(3_000_000, 'b') },
  ]);
  await page.click('button');
  assert.deepEqual(JSON.parse(await page.textContent('pre')), [
    'é "1"',
    [
      ['é 文 "q".txt', 'text/plain', 5, 'small'],
      ['large.bin', 'application/x-large', 3_000_000, 'bbbbb'],
    ],
  ]);
}

async function cookies(page) {
  await page.evaluate(() => {
    // biome-ignore lint/suspicious/noDocumentCookie: this is what the page is tested for
    document.cookie = 'old=1';
  });
  await page.evaluate(() => fetch('/cookies'));
  const { visible, sent } = await page.evaluate(async () => ({
    visible: document.cookie,
    sent: await (await fetch('/cookies')).json(),
  }));
  assert.deepEqual([visible, sent], ['open=%C3%A9%3B%201', { open: 'é; 1', hidden: '1' }]);
}

async function download(page) {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.evaluate(() => {
      location.href = '/download';
    }),
  ]);
  assert.equal(file.suggestedFilename(), 'Bericht für März 文.txt');
}
