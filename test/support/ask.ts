import http from 'node:http';
import { Readable } from 'node:stream';
import { endpoint, Layer, type Middleware, Response } from 'callnext';
import { type Framework, frameworks, listening } from './frameworks.js';

/** A test's request; the default is `GET /`. */
export interface Asked {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

/** The response; header names in lower case, `set-cookie` as a list. */
export interface Got {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
  text: string;
}

/** Sends a request with Node's client, which sends every header as given, `host` too. */
export function ask(
  port: number,
  { method = 'GET', path = '/', headers = {}, body }: Asked = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ port, host: '127.0.0.1', method, path, headers, agent: false }, received => {
      const parts: Buffer[] = [];
      received.on('data', part => parts.push(part));
      received.on('error', reject);
      received.on('end', () => {
        const whole = Buffer.concat(parts);
        const { statusCode = 0, headers: got } = received;
        resolve({ status: statusCode, headers: got, body: whole, text: whole.toString() });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The answer below the tested middleware. */
export interface Answering {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer | null;
  /** Streams these chunks instead of a complete body. */
  chunks?: readonly string[];
}

/** Each framework with an endpoint below the middleware, and with native code. */
export const hosts: readonly { name: string; framework: Framework; isNative: boolean }[] = frameworks.flatMap(
  framework => [
    { name: `${framework.name}, an endpoint`, framework, isNative: false },
    { name: `${framework.name}, native code`, framework, isNative: true },
  ],
);

/** Runs middleware, outermost first, around an answer, for one request. */
export function askThrough(
  { framework, isNative }: { framework: Framework; isNative: boolean },
  middleware: readonly Middleware[],
  answering: Answering,
  asked: Asked,
): Promise<Got> {
  const { status = 200, headers = {}, body = 'answer', chunks } = answering;
  const app = framework.app().use(new Layer({ middleware, onError: () => undefined }));
  if (isNative) {
    app.handler('/', answer => {
      answer.status(status);
      for (const [name, value] of Object.entries(headers)) answer.set(name, value);
      answer.send(chunks ? Readable.from(chunks, { objectMode: false }) : body);
    });
  } else {
    const make = (): Response => new Response(chunks ? list(chunks) : body, { status, headers });
    app.at('/', endpoint({}, make));
  }
  return listening(app.listener(), (_url, port) => ask(port, asked));
}

async function* list(chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks;
}
