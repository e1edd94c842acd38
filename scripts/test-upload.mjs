// Uploads 1 GiB as a form to a server with 64 MiB of heap, on Express and Koa, and checks that nothing is
// left of it. Needs 1 GiB of disk space.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const mebibyte = 1024 * 1024;
const size = 1024 * mebibyte;
const heap = 64;

if (process.argv[2] === 'server') await serve(process.argv[3]);
else for (const framework of ['express', 'koa']) await upload(framework);

async function upload(framework) {
  const server = fork(import.meta.filename, ['server', framework], {
    execArgv: [`--max-old-space-size=${heap}`],
  });
  try {
    const [port] = await once(server, 'message');
    const start = performance.now();
    const answer = await post(port);
    const seconds = (performance.now() - start) / 1000;
    server.send('report');
    const [{ peakHeap, peakRss, path, isLeft }] = await once(server, 'message');
    const report = {
      framework,
      seconds: seconds.toFixed(1),
      size: answer.size,
      peakHeapMiB: peakHeap,
      peakRssMiB: peakRss,
    };
    console.log(JSON.stringify(report));
    if (answer.size !== size || answer.last !== 'z')
      throw new Error(`The upload arrived as ${JSON.stringify(answer)}.`);
    if (peakHeap > heap) throw new Error(`The heap has grown to ${peakHeap} MiB.`);
    if (!path || isLeft) throw new Error(`The file ${path} is still there.`);
  } finally {
    server.kill();
  }
}

function* body() {
  const chunk = Buffer.alloc(mebibyte, 'a');
  yield Buffer.from('--b\r\nContent-Disposition: form-data; name="f"; filename="large.bin"\r\n\r\n');
  for (let sent = mebibyte; sent < size; sent += mebibyte) yield chunk;
  yield Buffer.concat([chunk.subarray(1), Buffer.from('z')]);
  yield Buffer.from('\r\n--b--\r\n');
}

async function post(port) {
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const request = http.request({ port, host: '127.0.0.1', method: 'POST', headers });
  const answered = once(request, 'response');
  await pipeline(Readable.from(body()), request);
  const [response] = await answered;
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return JSON.parse(text);
}

async function serve(framework) {
  const { endpoint, Layer } = await import('callnext');
  let path;
  const store = endpoint({}, async ({ request }) => {
    const file = (await request.form()).get('f');
    path = file.path;
    return { size: file.size, last: await file.slice(-1).text() };
  });
  const layer = new Layer();
  const peak = { heap: 0, rss: 0 };
  setInterval(() => {
    const { heapUsed, rss } = process.memoryUsage();
    peak.heap = Math.max(peak.heap, heapUsed);
    peak.rss = Math.max(peak.rss, rss);
  }, 20).unref();
  const server = http.createServer(await listenerOf(framework, layer, store));
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('message', async () => {
    await layer.close();
    const inMiB = bytes => Math.ceil(bytes / mebibyte);
    process.send({ peakHeap: inMiB(peak.heap), peakRss: inMiB(peak.rss), path, isLeft: existsSync(path) });
  });
}

async function listenerOf(framework, layer, store) {
  if (framework === 'express') {
    const { toExpress } = await import('callnext/express');
    const { default: express } = await import('express');
    return express().use(toExpress(layer)).post('/', toExpress(store));
  }
  const { toKoa } = await import('callnext/koa');
  const { default: Koa } = await import('koa');
  return new Koa().use(toKoa(layer)).use(toKoa(store)).callback();
}
