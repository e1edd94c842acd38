import http from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

/** A response on a persistent connection, and whether the connection served the next request. */
export interface Kept {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Decoded by its `content-encoding`. */
  readonly text: string;
  readonly isReused: boolean;
}

/** How many milliseconds until a request counts as hanging. */
const bound = 3_000;

interface Raw {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly isReused: boolean;
}

/** Requests a path, and then another one on the same connection. Rejects if either hangs. */
export async function askTwice(
  port: number,
  path: string,
  headers: http.OutgoingHttpHeaders = {},
  second = '/second',
): Promise<Kept> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const first = await askOn(agent, port, path, headers);
    const next = await askOn(agent, port, second, {});
    const text = decoded(first.body, first.headers['content-encoding']);
    return { status: first.status, headers: first.headers, text, isReused: next.isReused };
  } finally {
    agent.destroy();
  }
}

function askOn(
  agent: http.Agent,
  port: number,
  path: string,
  headers: http.OutgoingHttpHeaders,
): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const request = http.get({ agent, port, host: '127.0.0.1', path, headers }, response => {
      const parts: Buffer[] = [];
      response.on('data', part => parts.push(part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts),
          isReused: request.reusedSocket,
        }),
      );
    });
    request.setTimeout(bound, () => request.destroy(new Error(`${path} hangs`)));
    request.on('error', reject);
  });
}

function decoded(body: Buffer, coding: string | undefined): string {
  if (coding === 'gzip') return gunzipSync(body).toString();
  if (coding === 'br') return brotliDecompressSync(body).toString();
  return body.toString();
}
