// A worker, in a process of its own or beside the app.
import { runWorker } from 'callnext/tasks';
import { layer } from './shop.js';
import { remind, sendMail } from './tasks.js';

const worker = await runWorker(layer, [sendMail, remind], { concurrency: 10 });

process.once('SIGTERM', async () => {
  const { tasks } = await worker.close({ timeoutMs: 25_000 });
  console.log('given back:', ...tasks);
  await layer.close({ timeoutMs: 5_000 });
  process.exit();
});
