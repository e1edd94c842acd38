import { createReadStream, readFileSync } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { createGzip, gzipSync } from 'node:zlib';

export type Req = http.IncomingMessage;
export type Res = http.ServerResponse;

/** A request, and native code that answers it. */
export interface NativeCase {
  readonly title: string;
  readonly handle: (req: Req, res: Res) => unknown;
  readonly method?: string;
  readonly requestHeaders?: string[];
  readonly requestBody?: string;
}

export const fixture = path.join(__dirname, '../fixtures/small.txt');
const text = readFileSync(fixture);
const large = Buffer.alloc(200_000, 'a large body, ');
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** Whether the answer races with its cut, because a package ends the response later than the handler does. */
export function isRace({ title }: { title: string }): boolean {
  return /destroyed|cut|and then an error/.test(title);
}

/** Writes to Node's own response in every way that real services do. */
export const nativeCases: NativeCase[] = [
  { title: 'end with a string', handle: (_req, res) => res.end('x') },
  { title: 'end with a buffer', handle: (_req, res) => res.end(Buffer.from([0, 255, 13, 10])) },
  { title: 'end with a typed array', handle: (_req, res) => res.end(new Uint8Array([1, 2, 3])) },
  { title: 'end with latin1', handle: (_req, res) => res.end('é', 'latin1') },
  { title: 'end with hex', handle: (_req, res) => res.end('00ff', 'hex') },
  { title: 'end with base64', handle: (_req, res) => res.end('aGVsbG8=', 'base64') },
  { title: 'end with utf16', handle: (_req, res) => res.end('é', 'utf16le') },
  { title: 'end without a body', handle: (_req, res) => res.end() },
  { title: 'end with an empty string', handle: (_req, res) => res.end('') },
  {
    title: 'an empty write and an end',
    handle: (_req, res) => {
      res.write('');
      res.end();
    },
  },
  {
    title: 'three writes and an end',
    handle: (_req, res) => {
      for (const piece of ['one', 'two', 'three']) res.write(piece);
      res.end('four');
    },
  },
  {
    title: 'writes in different encodings',
    handle: (_req, res) => {
      res.write('é', 'latin1');
      res.write('aGk=', 'base64');
      res.write(Buffer.from('buffer'));
      res.end('é');
    },
  },
  {
    title: 'writes over time',
    handle: async (_req, res) => {
      for (const piece of ['a', 'b', 'c']) {
        res.write(piece);
        await turn();
      }
      res.end();
    },
  },
  {
    title: 'an end from its write callback',
    handle: (_req, res) => {
      res.write('first', () => res.end('second'));
    },
  },
  {
    title: 'an answer after a while',
    handle: async (_req, res) => {
      await turn();
      await turn();
      res.end('late');
    },
  },
  { title: 'a large end', handle: (_req, res) => res.end(large) },
  {
    title: 'large writes with back-pressure',
    handle: async (_req, res) => {
      for (let part = 0; part < 5; part += 1) {
        if (!res.write(large)) await new Promise(resolve => res.once('drain', resolve));
      }
      res.end();
    },
  },
  {
    title: 'a status and headers',
    handle: (_req, res) => {
      res.statusCode = 418;
      res.setHeader('X-Mixed-Case', 'Kept');
      res.setHeader('x-lower', '1');
      res.setHeader('X-Number', 42);
      res.end('teapot');
    },
  },
  {
    title: 'a header that is removed',
    handle: (_req, res) => {
      res.setHeader('X-Gone', '1');
      res.removeHeader('x-gone');
      res.end('x');
    },
  },
  {
    title: 'a header of several lines',
    handle: (_req, res) => {
      res.setHeader('X-List', ['a', 'b']);
      res.appendHeader('X-List', 'c');
      res.end('x');
    },
  },
  {
    title: 'several cookies',
    handle: (_req, res) => {
      res.setHeader('Set-Cookie', ['a=1', 'b=2; Path=/']);
      res.appendHeader('Set-Cookie', 'c=3; HttpOnly');
      res.end('x');
    },
  },
  {
    title: 'setHeaders',
    handle: (_req, res) => {
      res.setHeaders(
        new Map([
          ['X-A', '1'],
          ['X-B', '2'],
        ]),
      );
      res.end('x');
    },
  },
  { title: 'writeHead with a status', handle: (_req, res) => res.writeHead(404).end('nothing') },
  { title: 'writeHead without a body', handle: (_req, res) => res.writeHead(404).end() },
  {
    title: 'writeHead with an object',
    handle: (_req, res) => res.writeHead(201, { 'X-A': '1', 'Content-Type': 'text/plain' }).end('x'),
  },
  {
    title: 'writeHead with a reason',
    handle: (_req, res) => res.writeHead(200, 'Quite fine').end('x'),
  },
  {
    title: 'writeHead with a reason and headers',
    handle: (_req, res) => res.writeHead(200, 'Quite fine', { 'X-A': '1' }).end('x'),
  },
  {
    title: 'writeHead with an array and duplicates',
    handle: (_req, res) =>
      res.writeHead(200, ['X-A', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('x'),
  },
  {
    title: 'writeHead with a list as a value',
    handle: (_req, res) => res.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end('x'),
  },
  {
    title: 'writeHead over setHeader',
    handle: (_req, res) => {
      res.setHeader('X-A', 'before');
      res.setHeader('X-B', 'stays');
      res.writeHead(200, { 'x-a': 'after' }).end('x');
    },
  },
  {
    title: 'writeHead with a content-length',
    handle: (_req, res) => res.writeHead(200, { 'Content-Length': 5 }).end('hello'),
  },
  {
    title: 'writeHead, then writes over time',
    handle: async (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/plain' });
      await turn();
      res.write('a');
      await turn();
      res.end('b');
    },
  },
  {
    title: 'a statusMessage',
    handle: (_req, res) => {
      res.statusMessage = 'Own reason';
      res.end('x');
    },
  },
  {
    title: 'a status of no name',
    handle: (_req, res) => {
      res.statusCode = 599;
      res.end('x');
    },
  },
  {
    title: 'a status set too late',
    handle: (_req, res) => {
      res.end('x');
      res.statusCode = 500;
    },
  },
  {
    title: 'a content-length with writes',
    handle: (_req, res) => {
      res.setHeader('Content-Length', 6);
      res.write('abc');
      res.end('def');
    },
  },
  {
    title: 'neither content-length nor chunks',
    handle: (_req, res) => {
      res.removeHeader('Transfer-Encoding');
      res.removeHeader('Content-Length');
      res.write('until the connection ');
      res.end('closes');
    },
  },
  {
    title: 'an explicit transfer-encoding',
    handle: (_req, res) => {
      res.setHeader('Transfer-Encoding', 'chunked');
      res.end('x');
    },
  },
  {
    title: 'no date',
    handle: (_req, res) => {
      res.sendDate = false;
      res.end('x');
    },
  },
  {
    title: 'no connection header',
    handle: (_req, res) => {
      res.removeHeader('Connection');
      res.end('x');
    },
  },
  {
    title: 'flushHeaders, then a body',
    handle: async (_req, res) => {
      res.setHeader('X-A', '1');
      res.flushHeaders();
      await turn();
      res.end('later');
    },
  },
  {
    title: 'trailers',
    handle: (_req, res) => {
      res.writeHead(200, { Trailer: 'X-Sum' });
      res.write('body');
      res.addTrailers({ 'X-Sum': '42' });
      res.end();
    },
  },
  {
    title: 'early hints and processing',
    handle: (_req, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' });
      res.writeProcessing();
      res.end('x');
    },
  },
  {
    title: 'corked writes',
    handle: (_req, res) => {
      res.write('a');
      res.cork();
      res.write('b');
      res.write('c');
      res.uncork();
      res.write('d');
      res.end();
    },
  },
  {
    title: 'corked and ended',
    handle: (_req, res) => {
      res.cork();
      res.write('b');
      res.end('c');
    },
  },
  {
    title: 'a second end',
    handle: (_req, res) => {
      res.end('first');
      res.end();
    },
  },
  {
    title: 'a write after the end',
    handle: (_req, res) => {
      res.on('error', () => undefined);
      res.end('first');
      res.write('second');
    },
  },
  {
    title: 'headers set too late',
    handle: (_req, res) => {
      res.write('sent, ');
      try {
        res.setHeader('X-Late', '1');
      } catch (error) {
        res.end((error as { code: string }).code);
      }
    },
  },
  {
    title: 'a bad header that is caught',
    handle: (_req, res) => {
      try {
        res.writeHead(200, { 'X-Bad': 'a\nb' });
      } catch (error) {
        res.end((error as { code: string }).code);
      }
    },
  },
  {
    title: 'a bad status that is caught',
    handle: (_req, res) => {
      try {
        res.writeHead(42);
      } catch (error) {
        res.statusCode = 400;
        res.end((error as { code: string }).code);
      }
    },
  },
  {
    title: 'a bad chunk that is caught',
    handle: (_req, res) => {
      try {
        res.write({} as never);
      } catch (error) {
        res.end((error as { code: string }).code);
      }
    },
  },
  { title: '204 with a body', handle: (_req, res) => res.writeHead(204).end('ignored') },
  {
    title: '304 with an ETag',
    handle: (_req, res) => res.writeHead(304, { ETag: '"1"' }).end(),
  },
  { title: '205', handle: (_req, res) => res.writeHead(205, { 'Content-Length': 0 }).end() },
  { title: 'HEAD with a body', method: 'HEAD', handle: (_req, res) => res.end('body') },
  {
    title: 'HEAD with a content-length',
    method: 'HEAD',
    handle: (_req, res) => res.writeHead(200, { 'Content-Length': 1234 }).end(),
  },
  {
    title: 'HEAD with writes',
    method: 'HEAD',
    handle: (_req, res) => {
      res.write('a');
      res.end('b');
    },
  },
  { title: 'a piped file', handle: (_req, res) => createReadStream(fixture).pipe(res) },
  {
    title: 'a pipeline of a large stream',
    handle: (_req, res) => pipeline(Readable.from([large, large, large]), res, () => undefined),
  },
  {
    title: 'a gzip pipeline',
    handle: (_req, res) => {
      res.setHeader('Content-Encoding', 'gzip');
      pipeline(Readable.from([text]), createGzip(), res, () => undefined);
    },
  },
  {
    title: 'bytes that are compressed already',
    handle: (_req, res) => res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(text)),
  },
  {
    title: 'two sources, one after the other',
    handle: (_req, res) => {
      const first = new PassThrough();
      first.pipe(res, { end: false });
      first.once('end', () => Readable.from(['second']).pipe(res));
      first.end('first, ');
    },
  },
  {
    title: 'server-sent events',
    handle: async (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
      for (let id = 0; id < 3; id += 1) {
        res.write(`id: ${id}\ndata: tick\n\n`);
        await turn();
      }
      res.end();
    },
  },
  {
    title: 'an echo of the request',
    method: 'POST',
    requestBody: 'echoed body',
    handle: (req, res) => req.pipe(res),
  },
  {
    title: 'an answer that does not wait for the request',
    method: 'POST',
    requestBody: 'x'.repeat(50_000),
    handle: (_req, res) => res.writeHead(413, { Connection: 'close' }).end('too large'),
  },
  {
    title: 'what it can see of its own response',
    handle: (_req, res) => {
      const look = () => [res.headersSent, res.writableEnded, res.statusCode, res.getHeader('x-a')];
      res.setHeader('X-A', '1');
      const seen = [look()];
      seen.push([res.write('{'), res.write('}')], look());
      res.end(JSON.stringify([...seen, res.getHeaderNames().includes('x-a')]));
    },
  },
  {
    title: 'an answer cut half-way',
    handle: async (_req, res) => {
      res.write('half');
      await turn();
      res.destroy();
    },
  },
  {
    title: 'an end that is destroyed at once',
    handle: (_req, res) => {
      res.end('whole');
      res.destroy();
    },
  },
  {
    title: 'an answer whose connection is destroyed at once',
    handle: (req, res) => {
      res.end('whole');
      req.socket.destroy();
    },
  },
  {
    title: 'a wrapper around write and end',
    handle: (_req, res) => {
      const { write, end } = res;
      res.write = ((chunk: string) => write.call(res, chunk.toUpperCase(), 'utf8')) as never;
      res.end = ((chunk: string) => Reflect.apply(end, res, [chunk.toUpperCase()])) as never;
      res.write('upper ');
      res.end('case');
    },
  },
  {
    title: 'a wrapper around writeHead',
    handle: (_req, res) => {
      const { writeHead } = res;
      let calls = 0;
      res.writeHead = ((...args: [number]) => {
        calls += 1;
        res.setHeader('X-Calls', calls);
        return Reflect.apply(writeHead, res, args);
      }) as never;
      res.end('x');
    },
  },
];
