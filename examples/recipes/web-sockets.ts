// Decides with dependencies whether a WebSocket may open: they exit before the handshake is answered.
import http, { type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Depends, Layer } from 'callnext';

type Accept = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export const journal: string[] = [];
async function* getUsers() {
  journal.push('open');
  try {
    yield new Map([['a-token', 'ada']]);
  } finally {
    journal.push('close');
  }
}

export const layer = new Layer();

/** With `ws`, `accept` is `wss.handleUpgrade(request, socket, head, …)`. */
export function serve(accept: Accept): http.Server {
  const server = http.createServer((_request, response) => void response.end());
  server.on(
    'upgrade',
    async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      try {
        const { searchParams } = new URL(request.url ?? '', 'ws://localhost');
        const user = await layer.run(
          { users: Depends(getUsers) },
          ({ users }) => users.get(searchParams.get('token') ?? ''),
        );
        if (user === undefined) socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
        else accept(request, socket, head);
      } catch {
        socket.end('HTTP/1.1 500 Internal Server Error\r\n\r\n');
      }
    },
  );
  return server;
}
