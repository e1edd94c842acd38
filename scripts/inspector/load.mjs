// Sends many requests while the page is open, and measures what the page and the server keep.
import assert from 'node:assert/strict';
import { rows, until } from './read-page.mjs';

const total = 10_000;
const megabyte = 1024 * 1024;

/** Returns a sentence with the measures. Fails if something grows with the number of requests. */
export async function countAfterLoad(page, client) {
  const session = await page.context().newCDPSession(page);
  await send(client, 2_000);
  await until(page, () => document.querySelectorAll('#requests li').length === 100);
  const before = await measure(session);
  const begun = performance.now();
  await send(client, total);
  const seconds = (performance.now() - begun) / 1_000;
  assert.ok(seconds < 60, `${total} requests took ${seconds} s`);
  await client.get('/items/1', { settle: true });
  await until(page, () => /^GET \/items\/1/.test(document.querySelector('#requests button').ariaLabel));
  assert.equal(await rows(page).count(), 100);
  const after = await measure(session);
  const grown = name => (after[name] - before[name]) / megabyte;
  assert.ok(grown('page') < 2, `The page has grown by ${grown('page')} MB.`);
  assert.ok(grown('server') < 4, `The server has grown by ${grown('server')} MB.`);
  assert.ok(
    after.nodes < before.nodes * 1.2,
    `The page has ${after.nodes} nodes instead of ${before.nodes}.`,
  );
  return (
    `After ${total} requests in ${seconds.toFixed(0)} s the page has ${after.nodes} nodes and ` +
    `${grown('page').toFixed(1)} MB more, the server ${grown('server').toFixed(1)} MB more.`
  );
}

/** Keeps 20 requests on their way. */
async function send(client, count) {
  let left = count;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      await (await client.get('/fast')).text();
    }
  };
  await Promise.all(Array.from({ length: 20 }, one));
  await client.settled();
  client.clearTrace(); // the client keeps it
}

async function measure(session) {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes } = await session.send('Memory.getDOMCounters');
  globalThis.gc();
  await new Promise(resolve => setImmediate(resolve));
  globalThis.gc();
  return { page: usedSize, nodes, server: process.memoryUsage().heapUsed };
}
