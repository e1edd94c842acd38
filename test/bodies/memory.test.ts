import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { type ChildServer, withChildServer } from '../support/child-server.js';

const mebibyte = 1024 * 1024;
const server = path.join(__dirname, 'memory-server.ts');
const execArgv = ['--expose-gc', '--max-old-space-size=64'];
/** Starting a server process takes long on a busy machine. */
jest.setTimeout(60_000);

const multipart = 'multipart/form-data; boundary=b';

interface Measured {
  held: number;
  result: unknown;
}

/** How much more memory a server holds than before, in MiB. */
async function withMeasure(
  framework: string,
  use: (
    server: ChildServer,
    measure: (awaited: number | 'read' | 'now') => Promise<Measured>,
  ) => Promise<void>,
): Promise<void> {
  await withChildServer(server, [framework], { execArgv }, async child => {
    let before = 0;
    const measure = async (awaited: number | 'read' | 'now'): Promise<Measured> => {
      const { held, result } = (await child.tell(awaited)) as Measured;
      before ||= held;
      return { held: (held - before) / mebibyte, result };
    };
    await use(child, measure);
  });
}

function chunked(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function begin(port: number, reader: string, type: string): { socket: net.Socket; head: string } {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const lines = ['POST /read HTTP/1.1', 'Host: test', `Content-Type: ${type}`, `X-Reader: ${reader}`];
  return { socket, head: `${lines.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n` };
}

describe.each(['Express 5', 'Koa 3'])('memory held by %s', framework => {
  const oneByteChunks = (count: number): string => chunked('a').repeat(count);

  it('stays within the limits while a form arrives in chunks of one byte', async () => {
    await withMeasure(framework, async ({ port }, measure) => {
      await measure('now');
      const { socket, head } = begin(port, 'form', multipart);
      const start = chunked('--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n');
      const wire = head + start + oneByteChunks(700_000);
      socket.write(wire);
      expect((await measure(wire.length)).held).toBeLessThan(4);
      socket.write(`${chunked('\r\n--b--\r\n')}0\r\n\r\n`);
      const { held, result } = await measure('read');
      expect(result).toBe(1);
      expect(held).toBeLessThan(4);
      socket.destroy();
    });
  });

  it.each(['text', 'body'])(
    'stays a small multiple of a body that %s gives, in chunks of one byte',
    async reader => {
      await withMeasure(framework, async ({ port }, measure) => {
        await measure('now');
        const { socket, head } = begin(port, reader, 'text/plain');
        socket.write(`${head}${oneByteChunks(300_000)}0\r\n\r\n`);
        const { held, result } = await measure('read');
        expect(result).toBe(300_000);
        expect(held).toBeLessThan(8);
        socket.destroy();
      });
    },
  );

  it('stays a small multiple of the names of a form, whatever else its part heads contain', async () => {
    await withMeasure(framework, async ({ port }, measure) => {
      await measure('now');
      const { socket, head } = begin(port, 'form', multipart);
      const names = 'Content-Disposition: form-data; name="the name of a field"';
      const part = `--b\r\nX-Other: ${'a'.repeat(60_000)}\r\n${names}\r\n\r\nvalue\r\n`;
      socket.write(`${head}${chunked(part).repeat(500)}${chunked('--b--\r\n')}0\r\n\r\n`);
      const { held, result } = await measure('read');
      expect(result).toBe(500);
      expect(held).toBeLessThan(4);
      socket.destroy();
    });
  });

  it('does not grow while an event stream sends pings', async () => {
    await withMeasure(framework, async ({ port }, measure) => {
      const [response] = (await once(http.get({ port, path: '/silent' }), 'response')) as [
        http.IncomingMessage,
      ];
      let pings = 0;
      let until = 300;
      let wake: () => void = () => undefined;
      response.on('data', chunk => {
        pings += String(chunk).split(': ping').length - 1;
        if (pings >= until) wake();
      });
      const reached = (count: number): Promise<void> => {
        until = count;
        return new Promise(resolve => {
          wake = resolve;
        });
      };
      await reached(300);
      await measure('now');
      await reached(1800);
      expect((await measure('now')).held).toBeLessThan(0.2);
      response.destroy();
    });
  });

  it('does not grow with the chunks of a response that gzip() inspects', async () => {
    await withMeasure(framework, async ({ port }) => {
      const headers = { 'accept-encoding': 'gzip', 'x-size': '300000' };
      const [response] = (await once(http.get({ port, path: '/tiny', headers }), 'response')) as [
        http.IncomingMessage,
      ];
      await once(response.resume(), 'end');
      expect([response.statusCode, response.headers['content-encoding']]).toEqual([200, 'gzip']);
    });
  });
});
