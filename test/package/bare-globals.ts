/** Loads every entry point before jest's jsdom environment has these globals, and answers once they exist. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const missing = [
  'TextEncoder',
  'TextDecoder',
  'Request',
  'Response',
  'Headers',
  'fetch',
  'FormData',
  'Blob',
  'ReadableStream',
  'WritableStream',
  'TransformStream',
  'structuredClone',
  'MessageChannel',
  'setImmediate',
];
const kept = { TextEncoder, TextDecoder, Headers };

async function run(): Promise<void> {
  for (const name of missing) Reflect.deleteProperty(globalThis, name);
  const { endpoint, Request, Response } = await import('callnext');
  const entries = ['express', 'koa', 'node', 'testing'].map(name => require(`callnext/${name}`));
  for (const name of ['authentication', 'cors', 'gzip', 'sessions', 'server-timing', 'rate-limit'])
    entries.push(require(`callnext/middleware/${name}`));
  Object.assign(globalThis, kept);
  const { toNode } = require('callnext/node') as typeof import('callnext/node');
  const hello = endpoint({}, ({ request }) => ({ said: request.headers.get('x-said'), ...isOurs(request) }));
  const isOurs = (value: unknown): object => ({ isRequest: value instanceof Request });
  const server = http.createServer(toNode(hello)).listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    http.get({ port, host: '127.0.0.1', headers: { 'x-said': 'hello' } }, async response => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      process.send?.({ entries: entries.length, body, text: await new Response('grüß').text() });
      server.close();
    });
  });
}

void run();
