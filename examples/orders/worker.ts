// npm run build && DATABASE_URL=… node dist/examples/orders/worker.js
import { runWorker } from 'callnext/tasks';
import { sendMail } from './send-mail.js';
import { layer } from './shop.js';

const worker = await runWorker(layer, [sendMail], { concurrency: 10 });
console.log('worker: ready');

process.once('SIGTERM', async () => {
  const { tasks } = await worker.close({ timeoutMs: 25_000 });
  if (tasks.length > 0) console.log('worker: gave back', ...tasks);
  await layer.close({ timeoutMs: 5_000 });
  process.exit();
});
