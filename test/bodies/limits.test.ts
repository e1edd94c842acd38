import { once } from 'node:events';
import { existsSync } from 'node:fs';
import http from 'node:http';
import { gzipSync } from 'node:zlib';
import bodyParser from '@koa/bodyparser';
import { type CallnextError, endpoint, Layer, type Middleware, Request, UploadFile } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express from 'express';
import Koa from 'koa';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

type Sent = {
  type?: string;
  coding?: string;
  body: string | Uint8Array<ArrayBuffer> | (() => ReadableStream);
};

const mebibyte = 1024 * 1024;
const json = 'application/json';
const multipart = 'multipart/form-data; boundary=b';

/** Three mebibytes without a declared length. */
function unannounced(): ReadableStream {
  let left = 30;
  return new ReadableStream({
    pull(controller) {
      left -= 1;
      if (left < 0) controller.close();
      else controller.enqueue(Buffer.alloc(mebibyte / 10, 'x'));
    },
  });
}

function fields(count: number, value = 'v'): string {
  const part = `--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n${value}\r\n`;
  return `${part.repeat(count)}--b--\r\n`;
}

function files(count: number, content: string): string {
  return parts(
    count,
    'Content-Disposition: form-data; name="f"; filename="a/b.txt"\r\nContent-Type: text/plain',
    content,
  );
}

function parts(count: number, head: string, content = ''): string {
  return `${`--b\r\n${head}\r\n\r\n${content}\r\n`.repeat(count)}--b--\r\n`;
}

async function post(
  listener: http.RequestListener,
  { type, coding, body }: Sent,
): Promise<{ status: number; text: string }> {
  return listening(listener, async url => {
    const headers: Record<string, string> = {};
    if (type) headers['content-type'] = type;
    if (coding) headers['content-encoding'] = coding;
    const init = {
      method: 'POST',
      headers,
      body: typeof body === 'function' ? body() : body,
      duplex: 'half',
    };
    const response = await fetch(url, init as RequestInit);
    return { status: response.status, text: await response.text() };
  });
}

const readJSON = (request: Request): Promise<unknown> => request.json();
const readText = async (request: Request): Promise<unknown> => (await request.text()).length;
const readForm = async (request: Request): Promise<unknown> => [...(await request.form())].length;
const tooLarge = { status: 413, text: '{"detail":"The body is larger than 1048576 bytes."}' };

const hostile: [
  what: string,
  (request: Request) => Promise<unknown>,
  Sent,
  { status: number; text: string },
][] = [
  [
    'JSON that breaks off',
    readJSON,
    { type: json, body: '{"a":' },
    refusal(400, 'There was an error parsing the body: Unexpected end of JSON input'),
  ],
  [
    'an empty body as JSON',
    readJSON,
    { type: json, body: '' },
    refusal(400, 'There was an error parsing the body: Unexpected end of JSON input'),
  ],
  [
    'a `__proto__` key',
    async r => Object.keys((await r.json()) as object),
    { type: json, body: '{"__proto__":{"a":1}}' },
    { status: 200, text: '["__proto__"]' },
  ],
  ['a body that says it is too large', readText, { body: 'x'.repeat(mebibyte + 1) }, tooLarge],
  ['a body that turns out to be too large', readText, { body: unannounced }, tooLarge],
  [
    'a body of just the limit',
    readText,
    { body: 'x'.repeat(mebibyte) },
    { status: 200, text: String(mebibyte) },
  ],
  [
    'a zip bomb',
    readJSON,
    { type: json, coding: 'gzip', body: Uint8Array.from(gzipSync(Buffer.alloc(100 * mebibyte))) },
    tooLarge,
  ],
  [
    'a zip bomb in a zip bomb',
    readText,
    { coding: 'gzip, gzip', body: Uint8Array.from(gzipSync(gzipSync(Buffer.alloc(100 * mebibyte)))) },
    tooLarge,
  ],
  [
    'three codings',
    readText,
    { coding: 'gzip, gzip, gzip', body: 'x' },
    refusal(415, 'The content encoding "gzip, gzip, gzip" is not supported.'),
  ],
  [
    'an unknown coding',
    readText,
    { coding: 'constructor', body: 'x' },
    refusal(415, 'The content encoding "constructor" is not supported.'),
  ],
  [
    'a coding that it does not have',
    readText,
    { coding: 'gzip', body: 'x' },
    refusal(400, 'There was an error parsing the body: it is not coded as gzip.'),
  ],
  [
    'a coding that breaks off',
    readText,
    { coding: 'gzip', body: Uint8Array.from(gzipSync('text').subarray(0, 12)) },
    refusal(400, 'There was an error parsing the body: it is not coded as gzip.'),
  ],
  ...['gzip', 'deflate', 'br'].map((coding): (typeof hostile)[number] => [
    `many chunks that are not coded as ${coding}`,
    readText,
    { coding, body: new Uint8Array(200_000).fill(0xff) },
    refusal(400, `There was an error parsing the body: it is not coded as ${coding}.`),
  ]),
  [
    'many chunks of a form that is not coded so',
    readForm,
    { type: multipart, coding: 'br, gzip', body: new Uint8Array(200_000).fill(0xff) },
    refusal(400, 'There was an error parsing the body: it is not coded as br, gzip.'),
  ],
  [
    '10,000 fields',
    readForm,
    { type: multipart, body: fields(10_000) },
    refusal(400, 'Too many fields. Maximum number of fields is 1000.'),
  ],
  [
    '10,000 urlencoded fields',
    readForm,
    { type: 'application/x-www-form-urlencoded', body: 'a=1&'.repeat(10_000) },
    refusal(400, 'Too many fields. Maximum number of fields is 1000.'),
  ],
  [
    '1,001 files',
    readForm,
    { type: multipart, body: files(1_001, 'x') },
    refusal(400, 'Too many files. Maximum number of files is 1000.'),
  ],
  [
    'a field that is too large',
    readForm,
    { type: multipart, body: fields(1, 'x'.repeat(mebibyte + 1)) },
    refusal(400, 'Part exceeded maximum size of 1024KB.'),
  ],
  [
    'fields that together are too large',
    readForm,
    { type: multipart, body: fields(4, 'x'.repeat(mebibyte / 2)) },
    tooLarge,
  ],
  [
    'names of fields that together are too large',
    readForm,
    { type: multipart, body: parts(20, `Content-Disposition: form-data; name="${'é'.repeat(30_000)}"`) },
    tooLarge,
  ],
  [
    'names of files that together are too large',
    readForm,
    {
      type: multipart,
      body: parts(40, `Content-Disposition: form-data; name="f"; filename="${'a'.repeat(39_000)}"`),
    },
    tooLarge,
  ],
  [
    'types of files that together are too large',
    readForm,
    {
      type: multipart,
      body: parts(
        20,
        `Content-Disposition: form-data; name="f"; filename="a"\r\nContent-Type: ${'a'.repeat(70_000)}`,
      ),
    },
    tooLarge,
  ],
  [
    '10,000 parts that do not say what they are',
    readForm,
    { type: multipart, body: parts(10_000, 'Content-Type: text/plain', 'x') },
    refusal(413, 'Too many parts. Maximum number of parts is 2000.'),
  ],
  [
    'a part that does not say what it is',
    readForm,
    { type: multipart, body: `${parts(1, 'X-Other: 1', 'x').slice(0, -7)}${fields(1)}` },
    { status: 200, text: '1' },
  ],
  [
    'one field too many, where there may be no file',
    async r => [...(await r.form({ maxFields: 2, maxFiles: 0 }))].length,
    { type: multipart, body: fields(9) },
    refusal(400, 'Too many fields. Maximum number of fields is 2.'),
  ],
  [
    'one file too many, where there may be no field',
    async r => [...(await r.form({ maxFields: 0, maxFiles: 2 }))].length,
    { type: multipart, body: files(9, 'x') },
    refusal(400, 'Too many files. Maximum number of files is 2.'),
  ],
  ...[`boundary=${'b'.repeat(260)}`, `boundary="${'b'.repeat(5000)}"`, 'boundary="'].map(
    (boundary): (typeof hostile)[number] => [
      `a ${boundary.slice(0, 20)} of ${boundary.length} characters`,
      readForm,
      { type: `multipart/form-data; ${boundary}`, body: fields(1) },
      refusal(400, 'Invalid multipart data.'),
    ],
  ),
  [
    'no boundary',
    readForm,
    { type: 'multipart/form-data', body: fields(1) },
    refusal(400, 'Missing boundary in multipart.'),
  ],
  [
    'another boundary',
    readForm,
    { type: 'multipart/form-data; boundary=c', body: fields(1) },
    refusal(400, 'Invalid multipart data.'),
  ],
  [
    'a form that breaks off in a file',
    readForm,
    { type: multipart, body: files(1, 'x').slice(0, -9) },
    refusal(400, 'Invalid multipart data.'),
  ],
  [
    'a form that breaks off in a head',
    readForm,
    { type: multipart, body: '--b\r\nContent-Dis' },
    refusal(400, 'Invalid multipart data.'),
  ],
  [
    'a part without a name',
    readForm,
    { type: multipart, body: '--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--' },
    refusal(400, 'The Content-Disposition header field "name" must be provided.'),
  ],
  ['a form of another type', readForm, { type: 'text/plain', body: 'x' }, { status: 200, text: '0' }],
  [
    'a form of another type, by the Fetch method',
    async r => r.formData(),
    { type: 'text/plain', body: 'x' },
    refusal(415, 'The body is no form: its content type is "text/plain".'),
  ],
];

function refusal(status: number, detail: string): { status: number; text: string } {
  return { status, text: JSON.stringify({ detail }) };
}

describe.each(frameworks)('hostile bodies on $name', ({ app }) => {
  it.each(hostile)('%s', async (_what, read, sent, answer) => {
    const reported: unknown[] = [];
    const layer = new Layer({ onError: error => reported.push(error) });
    const target = endpoint({}, ({ request }) => read(request));
    expect(await post(app().use(layer).at('/', target).listener(), sent)).toEqual(answer);
    expect(reported).toEqual([]);
  });

  it('are rejected with a cause that names the cure', async () => {
    const seen: unknown[] = [];
    const looking: Middleware = async (request, callNext) => {
      await request.text().catch(error => seen.push((error.cause as CallnextError).code, error.status));
      return callNext(request);
    };
    await post(
      app()
        .use(looking)
        .at(
          '/',
          endpoint({}, () => 1),
        )
        .listener(),
      { body: unannounced },
    );
    expect(seen).toEqual(['BODY_TOO_LARGE', 413]);
  });

  it("that never end are a 504 after the layer's timeout, which their reader sees", async () => {
    const log = new EventLog();
    const target = endpoint({}, async ({ request }) => {
      await request.text().catch(error => log.add(error.code));
    });
    const layer = new Layer({
      timeout: 20,
      onError: error => 'code' in error && log.add(String(error.code)),
    });
    await listening(app().use(layer).at('/', target).listener(), async (_url, port) => {
      const request = http.request({ port, method: 'POST', headers: { 'content-length': 10 } });
      request.on('error', () => undefined).write('abc');
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      expect([response.statusCode, text]).toEqual([504, '{"detail":"Gateway Timeout"}']);
      await log.until('BODY_CONSUMED');
      request.destroy();
    });
    expect(log.events).toEqual(['LAYER_TIMEOUT', 'BODY_CONSUMED']);
  });

  it('leave the connection fit for the next request', async () => {
    const target = endpoint({}, ({ request }) => request.text());
    await listening(app().use(new Layer()).at('/', target).listener(), async (_url, port) => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const send = (body: Buffer): Promise<number | undefined> =>
        new Promise((resolve, reject) => {
          const headers = { 'transfer-encoding': 'chunked' };
          const request = http.request({ port, method: 'POST', agent, headers }, response => {
            response.resume().on('end', () => resolve(response.statusCode));
          });
          request.on('error', reject).end(body);
        });
      expect([await send(Buffer.alloc(3 * mebibyte)), await send(Buffer.from('x'))]).toEqual([413, 200]);
      agent.destroy();
    });
  });
});

/** Resolves once as much of a body has arrived as Node buffers without a reader. */
async function arrivalOf(req: http.IncomingMessage): Promise<void> {
  while (!req.complete && req.readableLength < req.readableHighWaterMark)
    await new Promise(resolve => setImmediate(resolve));
}

describe.each(frameworks)('the size of a kept body on $name', ({ app }) => {
  it('follows the layer', async () => {
    const target = endpoint({}, ({ request }) => readText(request));
    const small = app()
      .use(new Layer({ maxBodySize: 2 }))
      .at('/', target)
      .listener();
    expect(await post(small, { body: 'abc' })).toEqual(refusal(413, 'The body is larger than 2 bytes.'));
    expect(await post(small, { body: 'ab' })).toEqual({ status: 200, text: '2' });
    const large = app()
      .use(new Layer({ maxBodySize: 4 * mebibyte }))
      .at('/', target)
      .listener();
    expect(await post(large, { body: unannounced })).toMatchObject({ status: 200 });
  });

  it('follows the innermost layer', async () => {
    const target = endpoint({}, ({ request }) => readText(request));
    const outer = new Layer({ maxBodySize: 2 });
    const inner = new Layer({ maxBodySize: 10 });
    expect(await post(app().use(outer).use(inner).at('/', target).listener(), { body: 'abc' })).toEqual({
      status: 200,
      text: '3',
    });
  });

  it('does not limit a reader that streams it once', async () => {
    const target = endpoint({}, async ({ request }) => {
      let size = 0;
      for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>)
        size += chunk.byteLength;
      const again = await request.text().catch(error => error.status);
      return [size > 2 * mebibyte, again];
    });
    expect(await post(app().use(new Layer()).at('/', target).listener(), { body: unannounced })).toEqual({
      status: 200,
      text: '[true,413]',
    });
  });

  it.each<[string, (request: Request) => Promise<unknown>, unknown]>([
    ['a form', async r => ((await r.form()).get('f') as unknown as UploadFile).size, 100_000],
    ['a stream', async r => (await new Response(r.body).text()).length, files(1, 'x'.repeat(100_000)).length],
    ['a text', async r => r.text().catch(error => error.status), 413],
  ])('does not depend on when the body arrives: %s', async (_what, read, expected) => {
    const target = endpoint({}, async ({ request }) => {
      await arrivalOf((request.raw as { req: http.IncomingMessage }).req);
      return read(request);
    });
    const layer = new Layer({ maxBodySize: 1000 });
    const listener = app().use(layer).at('/', target).listener();
    expect(await post(listener, { type: multipart, body: files(1, 'x'.repeat(100_000)) })).toEqual({
      status: 200,
      text: String(expected),
    });
  });

  it.each(['at once', 'in pieces'])('covers what no native reader took before, %s', async how => {
    const sizes: number[] = [];
    const reading: Middleware = async (request, callNext) => {
      const { req } = request.raw as { req: http.IncomingMessage };
      if (how === 'at once') await arrivalOf(req);
      for await (const chunk of req) sizes.push(chunk.length);
      return callNext(request);
    };
    const target = endpoint({}, ({ request }) => readForm(request));
    const layer = new Layer({ maxBodySize: 1000, middleware: [reading] });
    const listener = app().use(layer).at('/', target).listener();
    expect(await post(listener, { type: multipart, body: files(1, 'x'.repeat(10_000)) })).toEqual(
      refusal(413, 'The body is larger than 1000 bytes.'),
    );
    expect(sizes.length).toBeGreaterThan(0);
  });

  it('rejects an invalid limit', () => {
    expect(() => new Layer({ maxBodySize: -1 })).toThrow(expect.objectContaining({ code: 'LAYER_OPTIONS' }));
  });

  it('ends the read of a client that leaves', async () => {
    const log = new EventLog();
    const target = endpoint({}, async ({ request }) => {
      log.add('reading');
      await request.text().catch(error => log.add(error.name));
    });
    await listening(app().use(new Layer()).at('/', target).listener(), async (_url, port) => {
      const request = http.request({ port, method: 'POST', headers: { 'content-length': 10 } });
      request.on('error', () => undefined).write('abc');
      await log.until('reading');
      request.destroy();
      await log.until('ClientDisconnect');
    });
    expect(log.events).toEqual(['reading', 'ClientDisconnect']);
  });

  it('waits for a slow body and gets all of it', async () => {
    const target = endpoint({}, ({ request }) => request.text());
    await listening(app().use(new Layer()).at('/', target).listener(), async (_url, port) => {
      const request = http.request({ port, method: 'POST' });
      for (const part of ['a', 'b', 'c']) {
        await new Promise<unknown>(resolve => request.write(part, resolve));
        await new Promise(resolve => setImmediate(resolve));
      }
      request.end();
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      expect(Buffer.concat(parts).toString()).toBe('"abc"');
    });
  });
});

describe('native parsers beyond the kept size', () => {
  const text = express.text({ limit: '10mb' });
  const lengths = endpoint({}, ({ request }) => (request.raw as { req: { body: string } }).req.body.length);

  function appOf(middleware: Middleware): express.Express {
    const app = express().set('env', 'test');
    app.use(toExpress(middleware), text);
    app.post('/', toExpress(lengths));
    return app;
  }

  const sent: Sent = { type: 'text/plain', body: unannounced };

  it('read on after a reader of ours was refused', async () => {
    const refused: Middleware = async (request, callNext) => {
      await request.text().catch(() => undefined);
      return callNext(request);
    };
    expect(await post(appOf(refused), sent)).toMatchObject({
      status: 200,
      text: expect.stringMatching(/^314/),
    });
  });

  it('get a 413 when a middleware streamed all of it', async () => {
    const streaming: Middleware = async (request, callNext) => {
      for await (const _chunk of request.body as unknown as AsyncIterable<Uint8Array>);
      return callNext(request);
    };
    const answer = await post(appOf(streaming), sent);
    expect([answer.status, answer.text]).toEqual([
      413,
      expect.stringContaining('The body is larger than 1048576 bytes.'),
    ]);
  });

  it('get all of it beside a middleware that streams all of it', async () => {
    const sizes: number[] = [];
    const beside: Middleware = async (request, callNext) => {
      const reading = (async () => {
        let size = 0;
        for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>)
          size += chunk.byteLength;
        sizes.push(size);
      })();
      const response = await callNext(request);
      await reading;
      return response;
    };
    const { text: length } = await post(appOf(beside), sent);
    expect(sizes).toEqual([Number(length)]);
  });

  it('are not blocked by a middleware that stops halfway', async () => {
    const stopping: Middleware = async (request, callNext) => {
      const reader = request.body?.getReader();
      await reader?.read();
      return callNext(request);
    };
    expect(await post(appOf(stopping), sent)).toMatchObject({ status: 200 });
  });

  it('end the wait of a middleware when they refuse the body themselves', async () => {
    const app = express().set('env', 'test');
    const late = gate<unknown>();
    app.use(
      toExpress(async (request, callNext) => {
        request.text().then(late.open, late.open);
        return callNext(request);
      }),
      express.text({ limit: '1kb' }),
    );
    expect(await post(app, { type: 'text/plain', body: unannounced })).toMatchObject({ status: 413 });
    expect(await late.opened).toMatchObject({ status: 413 });
  });

  it('get a 413 on Koa, too', async () => {
    const app = new Koa();
    app.silent = true;
    app.use(
      toKoa(async (request, callNext) => {
        for await (const _chunk of request.body as unknown as AsyncIterable<Uint8Array>);
        return callNext(request);
      }),
    );
    app.use(bodyParser({ enableTypes: ['text'], textLimit: '10mb' }));
    expect(await post(app.callback(), sent)).toMatchObject({ status: 413 });
  });
});

describe.each(frameworks)('uploads on $name', ({ app }) => {
  it('stay in memory while they fit, then on disk until the last background task', async () => {
    const log = new EventLog();
    const paths: (string | undefined)[] = [];
    const target = endpoint({}, async ({ request, backgroundTasks }) => {
      const form = await request.form();
      const uploads = form.getAll('f') as unknown as UploadFile[];
      for (const { path } of uploads) paths.push(path);
      backgroundTasks.addTask(async () => {
        const last = uploads.at(-1);
        log.add(`read in a task: ${(await last?.text())?.length}, ${existsSync(last?.path ?? '')}`);
      });
      return uploads.map(file => [
        file instanceof UploadFile,
        file instanceof File,
        file.filename,
        file.contentType,
        file.size,
      ]);
    });
    const layer = new Layer({ onError: error => log.add(error.message) });
    await listening(app().use(layer).at('/', target).listener(), async url => {
      const body = files(3, 'x'.repeat(400_000));
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': multipart }, body });
      const file = [true, true, 'b.txt', 'text/plain', 400_000];
      expect(await response.json()).toEqual([file, file, file]);
      await log.until('read in a task: 400000, true');
      await layer.close();
    });
    expect(paths.map(path => typeof path)).toEqual(['undefined', 'undefined', 'string']);
    expect(existsSync(paths.at(-1) ?? '')).toBe(false);
    expect(log.events).toEqual(['read in a task: 400000, true']);
  });

  it('leave room in memory for the fields behind them', async () => {
    const target = endpoint({}, async ({ request }) => {
      const form = await request.form();
      return [(form.get('f') as unknown as UploadFile).size, String(form.get('n')).length];
    });
    const body = files(1, 'x'.repeat(900_000)).slice(0, -'--b--\r\n'.length) + fields(1, 'x'.repeat(200_000));
    expect(await post(app().use(new Layer()).at('/', target).listener(), { type: multipart, body })).toEqual({
      status: 200,
      text: '[900000,200000]',
    });
  });

  it('are removed when the form is refused or the client leaves', async () => {
    const made: string[] = [];
    const log = new EventLog();
    const target = endpoint({}, async ({ request }) => {
      await request.form({ maxFiles: 1 }).catch(error => log.add(`${error.name} ${error.status}`));
      return 1;
    });
    const layer = new Layer();
    await listening(app().use(layer).at('/', target).listener(), async (url, port) => {
      const big = files(2, 'x'.repeat(2 * mebibyte));
      await fetch(url, { method: 'POST', headers: { 'content-type': multipart }, body: big });
      const headers = { 'content-type': multipart, 'content-length': 10 * mebibyte };
      const request = http.request({ port, method: 'POST', headers });
      request.on('error', () => undefined).write(big.slice(0, 2 * mebibyte), () => request.destroy());
      await log.until('ClientDisconnect undefined');
      await layer.close();
    });
    expect(log.events).toEqual(['HTTPException 400', 'ClientDisconnect undefined']);
    expect(made).toEqual([]);
  });
});

describe.each(frameworks)('a replaced body on $name', ({ app }) => {
  const seen = endpoint({}, async ({ request }) => [
    request.method,
    request.headers.get('content-type'),
    await request.text(),
  ]);

  it.each<[string, () => RequestInit & { body: never }, unknown[]]>([
    ['a text', () => ({ body: 'new' as never }), ['POST', 'text/plain', 'new']],
    [
      'a form',
      () => ({ body: new URLSearchParams({ a: '1' }) as never, headers: {} }),
      ['POST', 'application/x-www-form-urlencoded;charset=UTF-8', 'a=1'],
    ],
    ['nothing', () => ({ body: null as never }), ['POST', 'text/plain', '']],
  ])('reaches everything below: %s', async (_what, init, expected) => {
    const change: Middleware = (request, callNext) => callNext(new Request(request, init() as never));
    const answer = await post(app().use(change).at('/', seen).listener(), {
      type: 'text/plain',
      body: 'old',
    });
    expect(JSON.parse(answer.text)).toEqual(expected);
  });

  it('comes from a given Fetch request', async () => {
    const change: Middleware = (request, callNext) =>
      callNext(new globalThis.Request(request.native, { method: 'PUT', body: 'new' }));
    const answer = await post(app().use(change).at('/', seen).listener(), {
      type: 'text/plain',
      body: 'old',
    });
    expect(JSON.parse(answer.text)).toEqual(['PUT', 'text/plain', 'new']);
  });

  it('reaches native code as a stream, with its headers', async () => {
    const upper: Middleware = async (request, callNext) => {
      const text = await request.text();
      return callNext(
        new Request(request, {
          body: (async function* () {
            yield text.toUpperCase();
            yield '!';
          })(),
        }),
      );
    };
    const native = app()
      .use(upper)
      .native('/', async (req, res) => {
        const parts: Buffer[] = [];
        for await (const part of req) parts.push(part);
        const { 'content-length': length, 'transfer-encoding': coding } = req.headers;
        res.end(JSON.stringify([Buffer.concat(parts).toString(), length ?? null, coding ?? null]));
      });
    const answer = await post(native.listener(), { type: 'text/plain', body: 'old' });
    expect(JSON.parse(answer.text)).toEqual(['OLD!', null, 'chunked']);
  });

  it('is rejected for a request without a body', async () => {
    const codes: unknown[] = [];
    const wrong: Middleware = (request, callNext) => {
      try {
        return callNext(new Request(request, { method: 'GET', body: 'x' }));
      } catch (error) {
        codes.push((error as CallnextError).code);
        return callNext(request);
      }
    };
    await post(app().use(wrong).at('/', seen).listener(), { body: 'old' });
    expect(codes).toEqual(['BODY_NOT_ALLOWED']);
  });
});

it('a replaced body looks like what a parser before the layer would have made of it', async () => {
  const app = express();
  app.use(express.json());
  app.use(toExpress((request, callNext) => callNext(new Request(request, { body: '{"new":1}' }))));
  app.post('/', (req, res) => res.json(req.body));
  expect(await post(app, { type: json, body: '{"old":1}' })).toEqual({ status: 200, text: '{"new":1}' });
});
