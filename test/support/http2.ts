import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { selfSigned } from './certificate.js';

export type Http2Listener = (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => unknown;

/** Without TLS, which clients have to know of, and with it. */
export const transports = ['h2c', 'TLS'] as const;

/** A server of HTTP/2 on loopback while `use` runs, which is given what connects to it. */
export async function listeningHttp2<T>(
  transport: (typeof transports)[number],
  listener: Http2Listener,
  use: (connect: () => http2.ClientHttp2Session) => Promise<T>,
): Promise<T> {
  const isSecure = transport === 'TLS';
  const server = isSecure
    ? http2.createSecureServer(selfSigned(), listener as never)
    : http2.createServer(listener as never);
  const sessions = new Set<http2.Http2Session>();
  const watch = <Session extends http2.Http2Session>(session: Session): Session => {
    sessions.add(session);
    return session.on('error', () => undefined);
  };
  server.on('session', watch);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`;
  try {
    return await use(() => watch(http2.connect(origin, { rejectUnauthorized: false })));
  } finally {
    for (const session of sessions) session.destroy();
    await new Promise(resolve => server.close(resolve));
  }
}
