import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endpoint, FileResponse, Layer, PlainTextResponse } from 'callnext';
import { toNode } from 'callnext/node';
import send from 'send';
import { EventLog } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

const folder = mkdtempSync(path.join(tmpdir(), 'callnext-test-'));
const text = path.join(folder, 'small.txt');
const large = path.join(folder, 'large.bin');
const empty = path.join(folder, 'empty.txt');
writeFileSync(text, '0123456789');
writeFileSync(large, Buffer.alloc(3_000_000, 'abcdefghij'));
writeFileSync(empty, '');
afterAll(() => rmSync(folder, { recursive: true }));

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | undefined>;
  readonly body: string;
}

async function ask(url: string, headers: Record<string, string>, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers }, response => {
      const parts: Buffer[] = [];
      response.on('data', part => parts.push(part));
      response.on('end', () => {
        const body = Buffer.concat(parts).toString('latin1');
        resolve({ status: response.statusCode ?? 0, headers: response.headers as Answer['headers'], body });
      });
    });
    request.on('error', reject).end();
  });
}

/**
 * The parts of an answer that affect the client. Etags are computed differently; only their presence counts.
 */
function essence({ status, headers, body }: Answer): unknown {
  const {
    'content-length': length,
    'content-range': range,
    'content-type': type,
    'last-modified': modified,
    'accept-ranges': accept,
  } = headers;
  // send removes headers from its error pages.
  if (status >= 400) return { status, range };
  const isBodySent = status < 300;
  return {
    status,
    range,
    accept,
    modified,
    hasEtag: 'etag' in headers,
    ...(isBodySent ? { length, type, body } : {}),
  };
}

const modified = statSync(text).mtime;
const earlier = new Date(modified.getTime() - 60_000).toUTCString();
const later = new Date(modified.getTime() + 60_000).toUTCString();

/** `ETAG` stands for the one that the server has sent. */
const requests: [what: string, headers: Record<string, string>, file?: string][] = [
  ['nothing', {}],
  ['an empty file', {}, empty],
  ['a large file', {}, large],
  ['the first bytes', { range: 'bytes=0-3' }],
  ['one byte', { range: 'bytes=5-5' }],
  ['from a byte on', { range: 'bytes=4-' }],
  ['all, as a range', { range: 'bytes=0-' }],
  ['the last bytes', { range: 'bytes=-3' }],
  ['beyond the end', { range: 'bytes=8-300' }],
  ['far inside', { range: 'bytes=1000000-1000099' }, large],
  ['after the end', { range: 'bytes=10-' }],
  ['far after the end', { range: 'bytes=100-200' }],
  ['a part of an empty file', { range: 'bytes=0-3' }, empty],
  ['another unit', { range: 'items=0-3' }],
  ['no numbers', { range: 'bytes=a-b' }],
  ['no dash', { range: 'bytes=3' }],
  ['no unit', { range: '0-3' }],
  ['end before start', { range: 'bytes=5-2' }],
  ['none match: the etag', { 'if-none-match': 'ETAG' }],
  ['none match: the weak etag', { 'if-none-match': 'W/ETAG' }],
  ['none match: another', { 'if-none-match': '"other"' }],
  ['none match: several', { 'if-none-match': '"other", ETAG' }],
  ['none match: any', { 'if-none-match': '*' }],
  ['none match, reloaded', { 'if-none-match': 'ETAG', 'cache-control': 'no-cache' }],
  ['modified since: earlier', { 'if-modified-since': earlier }],
  ['modified since: the date', { 'if-modified-since': modified.toUTCString() }],
  ['modified since: later', { 'if-modified-since': later }],
  ['modified since: no date', { 'if-modified-since': 'soon' }],
  ['none match over modified since', { 'if-none-match': '"other"', 'if-modified-since': later }],
  ['match: the etag', { 'if-match': 'ETAG' }],
  ['match: another', { 'if-match': '"other"' }],
  ['match: any', { 'if-match': '*' }],
  ['match: several, and empty elements', { 'if-match': ', "other",, ETAG,' }],
  ['unmodified since: earlier', { 'if-unmodified-since': earlier }],
  ['unmodified since: later', { 'if-unmodified-since': later }],
  ['unmodified since: no date', { 'if-unmodified-since': 'soon' }],
  ['if range: the date', { range: 'bytes=0-3', 'if-range': modified.toUTCString() }],
  ['if range: earlier', { range: 'bytes=0-3', 'if-range': earlier }],
  ['if range: the etag', { range: 'bytes=0-3', 'if-range': 'ETAG' }],
  ['if range: another', { range: 'bytes=0-3', 'if-range': '"other"' }],
  ['a range of what is not modified', { range: 'bytes=0-3', 'if-none-match': 'ETAG' }],
];

const ours: http.RequestListener = toNode(
  endpoint({}, ({ request }) => new FileResponse(String(request.queryParams.get('file')))),
) as http.RequestListener;
const sends: http.RequestListener = (req, res) => {
  const file = new URL(req.url ?? '', 'http://h').searchParams.get('file') ?? '';
  send(req, file, { cacheControl: false }).pipe(res);
};

async function answerOf(
  listener: http.RequestListener,
  method: string,
  headers: Record<string, string>,
  file: string,
): Promise<Answer> {
  return listening(listener, async base => {
    const url = `${base}/?file=${encodeURIComponent(file)}`;
    const etag = (await ask(url, {})).headers.etag ?? '';
    const strong = etag.replace(/^W\//, '');
    const filled = Object.entries(headers).map(([name, value]) => {
      // send treats its own weak etag as strong.
      const asWritten = name === 'if-none-match' ? value.replace('W/ETAG', `W/${strong}`) : value;
      return [name, asWritten.replace('ETAG', etag)];
    });
    return ask(url, Object.fromEntries(filled), method);
  });
}

describe.each(['GET', 'HEAD'])('a FileResponse to %s', method => {
  it.each(requests)('answers as `send` does: %s', async (_what, headers, file = text) => {
    const [answer, native] = [
      await answerOf(ours, method, headers, file),
      await answerOf(sends, method, headers, file),
    ];
    expect(essence(answer)).toEqual(essence(native));
  });
});

describe.each(frameworks)('a FileResponse on $name', ({ app }) => {
  async function get(
    make: () => FileResponse,
    headers: Record<string, string> = {},
    method = 'GET',
  ): Promise<Answer> {
    const listener = app().use(new Layer()).at('/', endpoint({}, make)).listener();
    return listening(listener, url => ask(url, headers, method));
  }

  it('sends several ranges as the parts of one body', async () => {
    const { status, headers, body } = await get(() => new FileResponse(text), {
      range: 'bytes=0-1, 4-5, -1',
    });
    const [, boundary] = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers['content-type'] ?? '') ?? [];
    expect(status).toBe(206);
    const part = (range: string, bytes: string) =>
      `--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes ${range}/10\r\n\r\n${bytes}\r\n`;
    expect(body).toBe(`${part('0-1', '01')}${part('4-5', '45')}${part('9-9', '9')}--${boundary}--\r\n`);
    expect(headers['content-length']).toBe(String(body.length));
  });

  it('merges overlapping ranges and ignores too many of them', async () => {
    const joined = await get(() => new FileResponse(text), { range: 'bytes=0-4, 3-6' });
    expect([joined.status, joined.headers['content-range']]).toEqual([206, 'bytes 0-6/10']);
    const many = await get(() => new FileResponse(text), { range: `bytes=${Array(101).fill('0-1').join()}` });
    expect([many.status, many.body]).toEqual([200, '0123456789']);
  });

  it.each([
    ['bytes=0-1,,2-3', 206, '0123'],
    ['bytes=, 4-5 ,', 206, '45'],
    ['bytes=,,-2', 206, '89'],
    ['bytes=,', 200, '0123456789'],
  ])('skips the empty elements of the range %j (RFC 9110, 5.6.1)', async (range, status, body) => {
    const got = await get(() => new FileResponse(text), { range });
    expect([got.status, got.body]).toEqual([status, body]);
  });

  it('takes a suffix longer than the file as the whole file (RFC 9110, 14.1.2)', async () => {
    const { status, headers, body } = await get(() => new FileResponse(text), { range: 'bytes=-300' });
    expect([status, headers['content-range'], body]).toEqual([206, 'bytes 0-9/10', '0123456789']);
  });

  it('sends a file name in any script', async () => {
    const named = (init: object): Promise<string | undefined> =>
      get(() => new FileResponse(text, init)).then(({ headers }) => headers['content-disposition']);
    expect(await named({})).toBeUndefined();
    expect(await named({ filename: 'a.txt' })).toBe('attachment; filename=a.txt');
    expect(await named({ filename: 'a b.txt' })).toBe('attachment; filename="a b.txt"');
    expect(await named({ filename: '文.txt' })).toBe(
      `attachment; filename="?.txt"; filename*=UTF-8''%E6%96%87.txt`,
    );
    expect(await named({ filename: 'a\r\nx: y.txt', contentDispositionType: 'inline' })).toBe(
      'inline; filename="a__x: y.txt"',
    );
    expect(await named({ contentDispositionType: 'inline' })).toBe('inline');
  });

  it('keeps a given type, headers and status, and skips conditions unless the status is 200', async () => {
    const make = () =>
      new FileResponse(text, { status: 201, mediaType: 'text/x', headers: { etag: '"mine"', 'x-a': '1' } });
    const { status, headers, body } = await get(make, { range: 'bytes=0-1', 'if-none-match': '"mine"' });
    expect([status, headers['content-type'], headers.etag, headers['x-a'], body]).toEqual([
      201,
      'text/x',
      '"mine"',
      '1',
      '0123456789',
    ]);
  });

  it('shows 206 and 304 to the middleware, and keeps cookies and tasks', async () => {
    const log = new EventLog();
    const layer = new Layer();
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      log.add(`${response.status} ${response.headers.get('content-range')}`);
      response.headers.set('x-seen', '1');
      return response;
    });
    const target = endpoint({}, ({ response, backgroundTasks }) => {
      response.setCookie('a', '1');
      backgroundTasks.addTask(() => log.add('task'));
      return new FileResponse(text);
    });
    await listening(app().use(layer).at('/', target).listener(), async url => {
      const part = await ask(url, { range: 'bytes=0-1' });
      expect([part.headers['x-seen'], part.headers['set-cookie'], part.body]).toEqual([
        '1',
        ['a=1; Path=/; SameSite=Lax'],
        '01',
      ]);
      const unchanged = await ask(url, { 'if-none-match': part.headers.etag ?? '' });
      expect([unchanged.status, unchanged.headers['set-cookie'], unchanged.body]).toEqual([
        304,
        ['a=1; Path=/; SameSite=Lax'],
        '',
      ]);
      await layer.close();
    });
    expect(log.events).toEqual(['206 bytes 0-1/10', 'task', '304 null', 'task']);
  });

  it('works from a middleware and from an exception handler', async () => {
    const short = app()
      .use(async () => new FileResponse(text))
      .listener();
    expect((await listening(short, url => ask(url, { range: 'bytes=0-1' }))).body).toBe('01');
    const layer = new Layer({
      exceptionHandlers: [[RangeError, () => new FileResponse(text, { status: 404 })]],
    });
    const failing = endpoint({}, () => {
      throw new RangeError('none');
    });
    const handled = await listening(app().use(layer).at('/', failing).listener(), url => ask(url, {}));
    expect([handled.status, handled.body]).toEqual([404, '0123456789']);
  });

  it.each([
    ['that does not exist', path.join(folder, 'none.txt'), 'does not exist'],
    ['that is a folder', folder, 'is not a file'],
  ])('of a file %s is a 500 whose error names it', async (_what, file, reason) => {
    const seen: Error[] = [];
    const looking = new Layer({
      middleware: [
        async (request, callNext) => {
          try {
            return await callNext(request);
          } catch (error) {
            seen.push(error as Error);
            return new PlainTextResponse('none', { status: 500 });
          }
        },
      ],
    });
    const listener = app()
      .use(looking)
      .at(
        '/',
        endpoint({}, () => new FileResponse(file)),
      )
      .listener();
    expect((await listening(listener, url => ask(url, {}))).status).toBe(500);
    expect(seen).toMatchObject([
      { code: 'FILE', message: expect.stringContaining(`${JSON.stringify(file)}, ${reason}`) },
    ]);
  });

  it('cuts the connection when the file shrinks while it is sent', async () => {
    const shrinking = path.join(folder, 'shrinking.bin');
    writeFileSync(shrinking, Buffer.alloc(100_000));
    const errors: Error[] = [];
    const layer = new Layer({ onError: error => errors.push(error) });
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      truncateSync(shrinking, 10);
      return response;
    });
    const listener = app()
      .use(layer)
      .at(
        '/',
        endpoint({}, () => new FileResponse(shrinking)),
      )
      .listener();
    const wire = await listening(listener, (_url, port) => exchangeOnWire(port, '/'));
    expect(wire.body.length).toBeLessThan(100_000);
    await layer.close();
    expect(errors).toMatchObject([{ code: 'CONTENT_LENGTH' }]);
  });

  it('says so when it is read before it is sent', async () => {
    await expect(new FileResponse(text).text()).rejects.toMatchObject({ code: 'FILE' });
  });
});
