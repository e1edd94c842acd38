// npm run build && node dist/examples/orders/server.js
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNode } from 'callnext/node';
import { runWorker } from 'callnext/tasks';
import { isEmbedded } from './database.js';
import { sendMail } from './send-mail.js';
import { createOrder, layer } from './shop.js';

await layer.start();
// No other process can open an embedded database, so the worker runs here.
const worker = isEmbedded
  ? await runWorker(layer, [sendMail], { concurrency: 10 })
  : undefined;

const server = http.createServer(toNode(layer, toNode(createOrder)));
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`server: listening on http://127.0.0.1:${port}`);
});

process.once('SIGTERM', async () => {
  server.close();
  await worker?.close({ timeoutMs: 25_000 });
  await layer.close({ timeoutMs: 5_000 });
  process.exit();
});
