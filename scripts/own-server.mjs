// What the scripts share that start a server of their own.
import { once } from 'node:events';
import net from 'node:net';

/** A port on loopback that nobody uses. */
export async function freePort() {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Resolves when `ask` does not fail any more: a server that was started listens. */
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
