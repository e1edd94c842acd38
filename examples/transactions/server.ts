// npm run build && node dist/examples/transactions/server.js
import http from 'node:http';
import { app } from './express.js';
import { layer } from './shop.js';

await layer.start();
const server = http.createServer(app).listen(3000, '127.0.0.1', () => {
  console.log('POST to http://127.0.0.1:3000/orders, for example');
  console.log('{"item":"chair","quantity":1,"customer":"ada"}');
});
process.once('SIGTERM', async () => {
  server.close();
  const { responses, exits, tasks } = await layer.close({ timeoutMs: 10_000 });
  console.log('left undone:', ...responses, ...exits, ...tasks);
  process.exit();
});
