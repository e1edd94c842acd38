// Measures how much heap a waiting client of server-sent events takes, with and without a layer.
import { fork } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

/** Returns KiB of heap per client; `kind` is `native`, `layer` or `endpoint`. */
export async function measureIdle(kind, clients, node) {
  const options = { execPath: node, execArgv: ['--expose-gc'] };
  const child = fork(fileURLToPath(import.meta.url), [kind], options);
  const told = () => new Promise(resolve => child.once('message', resolve));
  const { port } = await told();
  const ask = async () => {
    child.send('heap');
    return told();
  };
  // The first clients create what is created once.
  const first = await open(port, 100);
  const before = await ask();
  const sockets = await open(port, clients);
  const after = await ask();
  for (const socket of [...first, ...sockets]) socket.destroy();
  child.kill();
  if (after.open !== clients + 100)
    throw new Error(`${kind}: ${after.open} of ${clients} clients are there.`);
  return (after.heap - before.heap) / clients / 1024;
}

async function open(port, count) {
  const sockets = [];
  for (let done = 0; done < count; done += 100)
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => openOne(port)))));
  return sockets;
}

function openOne(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    socket.on('data', data => {
      if (data.includes('hello')) resolve(socket);
    });
  });
}

async function serve(kind) {
  const { default: express } = await import('express');
  const app = express();
  if (kind === 'native') app.use((_req, _res, next) => next());
  else {
    const { toExpress } = await import('callnext/express');
    app.use(
      toExpress(async (request, callNext) => {
        const response = await callNext(request);
        response.headers.set('x-frame-options', 'DENY');
        return response;
      }),
    );
  }
  let open = 0;
  if (kind === 'endpoint') {
    const { endpoint, EventSourceResponse } = await import('callnext');
    const { toExpress } = await import('callnext/express');
    const answer = endpoint({}, () => {
      open += 1;
      return new EventSourceResponse(helloAndSilence());
    });
    app.get('/', toExpress(answer));
  }
  app.get('/', (_req, res) => {
    open += 1;
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    res.write('data: hello\n\n');
  });
  const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  server.keepAliveTimeout = 0;
  process.on('message', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise(resolve => setTimeout(resolve, 100));
      globalThis.gc();
    }
    process.send({ heap: process.memoryUsage().heapUsed, open });
  });
}

async function* helloAndSilence() {
  yield 'hello';
  await new Promise(() => undefined);
}

if (process.send) await serve(process.argv[2]);
