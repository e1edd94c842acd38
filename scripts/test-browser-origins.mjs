// Tests CORS and sessions across origins and sites on loopback, in headless Chromium, on Express and Koa.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { endpoint, HTMLResponse, HTTPException, Layer, Response } from 'callnext';
import { cors } from 'callnext/middleware/cors';
import { serverTiming } from 'callnext/middleware/server-timing';
import { sessions } from 'callnext/middleware/sessions';
import { launchChromium, listenerOf } from './own-browser.mjs';

const browser = await launchChromium();
try {
  for (const framework of ['express', 'koa']) {
    const context = await browser.newContext();
    const servers = [];
    const listen = async listener => {
      const server = http.createServer(listener).listen(0, '127.0.0.1');
      servers.push(server);
      await once(server, 'listening');
      return server.address().port;
    };
    const pages = await listen(
      listenerOf(framework, new Layer(), { '/': endpoint({}, () => new HTMLResponse('a page')) }),
    );
    const asked = [];
    const api = await listen(apiOf(framework, pages, asked));
    const listed = await open(context, `http://127.0.0.1:${pages}/`);
    const other = await open(context, `http://localhost:${pages}/`);
    await simple(listed, api);
    await preflights(listed, api, asked);
    await failures(listed, api);
    await notListed(other, api);
    await credentials(listed, api);
    await sites(context, other, api);
    await timing(context, api);
    await context.close();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    console.log(
      `Chromium ${browser.version()} on ${framework}: CORS, sessions and server timing work across origins.`,
    );
  }
} finally {
  await browser.close();
}

async function open(context, url) {
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(url);
  return page;
}

/** Calls `fetch` in a page; returns what its script can read of the answer, or the name of the error. */
function fetchIn(page, url, init = {}) {
  return page.evaluate(
    async ([at, options]) => {
      try {
        const response = await fetch(at, options);
        const read = name => response.headers.get(name);
        return {
          status: response.status,
          text: await response.text(),
          total: read('x-total'),
          hidden: read('x-hidden'),
        };
      } catch (error) {
        return error.name;
      }
    },
    [url, init],
  );
}

function apiOf(framework, pages, asked) {
  const watch = (request, callNext) => {
    asked.push(`${request.method} ${new URL(request.url).pathname}`);
    return callNext(request);
  };
  const layer = new Layer({
    middleware: [
      watch,
      cors({
        allowOrigins: [`http://127.0.0.1:${pages}`],
        allowMethods: ['GET', 'PUT'],
        allowHeaders: ['X-Token'],
        exposeHeaders: ['X-Total'],
        allowCredentials: true,
      }),
      serverTiming(),
    ],
    onError: () => undefined,
  });
  const items = endpoint({}, ({ request }) =>
    Response.json(request.method, { headers: { 'x-total': '3', 'x-hidden': '1' } }),
  );
  const visits = endpoint({}, function visits({ request }) {
    request.session.visits = (request.session.visits ?? 0) + 1;
    return { visits: request.session.visits };
  });
  const kept = (sessionCookie, sameSite) =>
    new Layer({
      middleware: [
        sessions({ secretKey: 'secret', sessionCookie, sameSite, httpsOnly: sameSite === 'none' }),
      ],
    });
  return listenerOf(framework, layer, {
    '/items': items,
    '/crash': endpoint({}, () => {
      throw new Error('unexpected');
    }),
    '/conflict': endpoint({}, () => {
      throw new HTTPException(409, 'Conflict');
    }),
    '/lax': [kept('lax', 'lax'), visits],
    '/strict': [kept('strict', 'strict'), visits],
    '/none': [kept('none', 'none'), visits],
  });
}

async function simple(page, api) {
  const got = await fetchIn(page, `http://127.0.0.1:${api}/items`);
  assert.deepEqual(got, { status: 200, text: '"GET"', total: '3', hidden: null });
}

async function preflights(page, api, asked) {
  asked.length = 0;
  const put = { method: 'PUT', headers: { 'x-token': '1' } };
  const url = `http://127.0.0.1:${api}/items`;
  assert.equal((await fetchIn(page, url, put)).text, '"PUT"');
  assert.equal((await fetchIn(page, url, put)).text, '"PUT"');
  // The preflight's answer is cached.
  assert.deepEqual(asked, ['OPTIONS /items', 'PUT /items', 'PUT /items']);
  assert.equal(await fetchIn(page, url, { method: 'DELETE' }), 'TypeError');
  assert.equal(await fetchIn(page, url, { headers: { 'x-other': '1' } }), 'TypeError');
  assert.deepEqual(asked.slice(3), ['OPTIONS /items', 'OPTIONS /items']);
}

async function failures(page, api) {
  const crash = await fetchIn(page, `http://127.0.0.1:${api}/crash`);
  assert.equal(crash.status, 500);
  assert.match(crash.text, /<pre>Error: unexpected|^Internal Server Error$/);
  const conflict = await fetchIn(page, `http://127.0.0.1:${api}/conflict`);
  assert.deepEqual([conflict.status, conflict.text], [409, '{"detail":"Conflict"}']);
}

async function notListed(page, api) {
  for (const path of ['/items', '/crash'])
    assert.equal(await fetchIn(page, `http://127.0.0.1:${api}${path}`), 'TypeError');
}

async function credentials(page, api) {
  const visit = async options =>
    JSON.parse((await fetchIn(page, `http://127.0.0.1:${api}/lax`, options)).text).visits;
  assert.equal(await visit({ credentials: 'include' }), 1);
  assert.equal(await visit({ credentials: 'include' }), 2);
  assert.equal(await visit({ credentials: 'omit' }), 1);
  assert.equal(await visit({ credentials: 'include' }), 3);
  // Cookies belong to the host, whatever the port; scripts cannot read this one.
  assert.equal(await page.evaluate(() => document.cookie), '');
}

/** `127.0.0.1` and `localhost` are different sites. */
async function sites(context, other, api) {
  const own = await open(context, `http://127.0.0.1:${api}/strict`);
  assert.equal(await own.textContent('body'), '{"visits":1}');
  await own.reload();
  assert.equal(await own.textContent('body'), '{"visits":2}');
  await own.close();
  const follow = async path => {
    await other.setContent(`<a href="http://127.0.0.1:${api}${path}">go</a>`);
    await Promise.all([other.waitForURL(`**${path}`), other.click('a')]);
    const text = await other.textContent('body');
    await other.goBack();
    return text;
  };
  // A link from another site sends `lax` cookies, and not `strict` ones.
  assert.equal(await follow('/lax'), '{"visits":4}');
  assert.equal(await follow('/strict'), '{"visits":1}');
  const names = (await context.cookies()).map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]);
  assert.deepEqual(names.sort(), [
    ['lax', true, 'Lax'],
    ['strict', true, 'Strict'],
  ]);
  // `none` requires https, and Chromium treats localhost as such.
  const secure = await open(context, `http://localhost:${api}/none`);
  await secure.reload();
  assert.equal(await secure.textContent('body'), '{"visits":2}');
  await secure.close();
}

async function timing(context, api) {
  const page = await open(context, `http://127.0.0.1:${api}/items`);
  const names = await page.evaluate(async () => {
    const measured = new Promise(resolve => {
      const look = list => {
        const entry = list.getEntries().find(({ name }) => name.endsWith('/lax'));
        if (entry) resolve(entry.serverTiming.map(({ name, duration }) => [name, duration >= 0]));
      };
      new PerformanceObserver(look).observe({ type: 'resource', buffered: true });
    });
    await (await fetch('/lax')).text();
    return measured;
  });
  assert.deepEqual(names, [
    ['sessions', true],
    ['visits', true],
    ['total', true],
  ]);
  await page.close();
}
