import net from 'node:net';

/** A response on the wire, without its `date` header. */
export interface WireResponse {
  readonly head: string;
  readonly body: string;
  /** Whether the connection failed, or ended within the body. */
  readonly cut: boolean;
}

/** Sends a raw request on its own connection and records the response. */
export async function exchangeOnWire(
  port: number,
  path: string,
  method = 'GET',
  headers: string[] = [],
): Promise<WireResponse> {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: test', 'Connection: close', ...headers, '', ''];
  const { bytes, failed } = await record(port, lines.join('\r\n'));
  const start = finalHead(bytes);
  const end = bytes.indexOf('\r\n\r\n', start);
  const head = bytes.slice(0, end).replace(/\r\nDate: [^\r]*/i, '');
  const body = bytes.slice(end + 4);
  const chunked = /transfer-encoding: chunked/i.test(head);
  return {
    head,
    body,
    cut: failed || end < 0 || (chunked && !body.endsWith('0\r\n\r\n') && method !== 'HEAD'),
  };
}

/** The start of the final response, after informational ones such as 103. */
function finalHead(bytes: string): number {
  const informational = /^(?:HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)+/.exec(bytes);
  return informational ? informational[0].length : 0;
}

/** Sends bytes, and records the answer until the connection ends. */
export function record(port: number, request: string): Promise<{ bytes: string; failed: boolean }> {
  return new Promise(resolve => {
    const parts: Buffer[] = [];
    let failed = false;
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
    socket.on('data', part => parts.push(part));
    socket.on('error', () => {
      failed = true;
    });
    socket.on('close', () => resolve({ bytes: Buffer.concat(parts).toString('latin1'), failed }));
  });
}

/** Removes the framing of a chunked body. */
export function unchunked(body: string): string {
  let rest = body;
  let whole = '';
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n');
    const length = Number.parseInt(rest.slice(0, end), 16);
    if (!length) break;
    whole += rest.slice(end + 2, end + 2 + length);
    rest = rest.slice(end + 2 + length + 2);
  }
  return whole;
}
