// npm run build && node dist/examples/deployment/server.js
import { layer, server, shutDown } from './app.js';

await layer.start(); // fails before the server listens
server.listen(3000);

process.once('SIGTERM', async () => {
  const undone = await shutDown(5_000);
  if (undone.length > 0) console.error('not ended:', ...undone);
  process.exit();
});
