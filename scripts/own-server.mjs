// Shared by the scripts that start a server.
import { once } from 'node:events';
import net from 'node:net';

/** Returns a free port on loopback. */
export async function freePort() {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Resolves once `ask` succeeds, because the started server then listens. */
export async function listening(name, ask) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      await ask();
      return;
    } catch {
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
  throw new Error(`${name} did not begin to listen.`);
}
