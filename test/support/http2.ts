import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { selfSigned } from './certificate.js';

export type Http2Listener = (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => unknown;

/** Without TLS, which clients must know beforehand, and with TLS. */
export const transports = ['h2c', 'TLS'] as const;

/** Runs an HTTP/2 server on loopback during `use`, which receives a connect function. */
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

/** The response on one stream. */
export interface Seen {
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly trailers: unknown;
  /** The code of the reset; 0 for a complete stream. */
  readonly code: number;
}

/** Sends one request on its own session. */
export function ask(
  connect: () => http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders = {},
): Promise<Seen> {
  return new Promise(resolve => {
    const stream = connect().request(headers);
    let [got, trailers, body] = [{}, {}, ''] as [Record<string, unknown>, object, string];
    stream.on('response', ({ date: _date, ...others }) => {
      got = others;
    });
    stream.on('trailers', others => {
      trailers = { ...others };
    });
    stream.on('data', chunk => {
      body += chunk;
    });
    stream.on('error', () => undefined);
    stream.on('close', () => resolve({ headers: got, body, trailers, code: stream.rstCode ?? 0 }));
  });
}
