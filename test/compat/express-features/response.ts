import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import type express5 from 'express';
import { asks, cookieParser, type Express, get, index, type Row, set, site, turn } from './support.js';

/** Express' response reference. */
export const ofResponse = (express: Express): Row[] => [
  [
    'res.headersSent',
    get((_req, res) => {
      const before = res.headersSent;
      res.write('x');
      res.end(`${before} ${res.headersSent}`);
    }),
  ],
  [
    'res.locals',
    get(
      (_req, res, next) => {
        res.locals.user = 'tobi';
        next();
      },
      (_req, res) => res.json(res.locals),
    ),
  ],
  [
    'res.append',
    get((_req, res) =>
      res
        .append('Link', ['<a>', '<b>'])
        .append('Set-Cookie', 'foo=bar; Path=/')
        .append('Warning', '199 x')
        .append('Warning', '200 y')
        .send('x'),
    ),
  ],
  ['res.attachment', get((_req, res) => res.attachment('path/to/logo.png').send(Buffer.from('png')))],
  ['res.attachment without a name', get((_req, res) => res.attachment().send('x'))],
  [
    'res.cookie',
    get((_req, res) =>
      res
        .cookie('name', 'tobi ✓', {
          domain: '.example.com',
          path: '/admin',
          secure: true,
          httpOnly: true,
          sameSite: 'lax',
          priority: 'high',
          partitioned: true,
          expires: new Date(0),
        })
        .cookie('cart', { items: [1] })
        .cookie('raw', 'a b', { encode: value => value.replace(' ', '+') })
        .send('x'),
    ),
  ],
  [
    'res.cookie: signed',
    app => {
      app.use(cookieParser as express5.RequestHandler);
      app.get('/', (_req, res) => res.cookie('name', 'tobi', { signed: true }).send('x'));
    },
  ],
  [
    'res.clearCookie',
    get((_req, res) => res.cookie('a', '1').clearCookie('name', { path: '/admin' }).sendStatus(200)),
  ],
  [
    'res.download',
    (app, log) =>
      app.get('/', (_req, res) =>
        res.download(index, 'ünï.html', error => log(error ? 'failed' : 'downloaded')),
      ),
  ],
  [
    'res.download: a root and headers',
    get((_req, res) =>
      res.download('data.json', { root: site, headers: { 'X-A': '1' }, maxAge: 1000 } as never),
    ),
  ],
  ['res.end', get((_req, res) => res.status(404).end())],
  ['res.end with an encoding', get((_req, res) => res.end('aGk=', 'base64'))],
  [
    'res.format',
    get((_req, res) =>
      res.format({
        'text/plain': () => res.send('hey'),
        'text/html': () => res.send('<p>hey</p>'),
        'application/json': () => res.send({ message: 'hey' }),
      }),
    ),
    asks(
      'GET /',
      ['GET /', 'Accept: application/json'],
      ['GET /', 'Accept: text/html;q=.9, text/plain;q=.5'],
    ),
  ],
  [
    'res.format: none of them',
    get((_req, res) => res.format({ json: () => res.json({}) })),
    { ...asks(['GET /', 'Accept: image/png']), isPastLayer: true, ...set({ env: 'production' }) },
  ],
  [
    'res.format: default',
    get((_req, res) =>
      res.format({ json: () => res.json({}), default: () => res.status(406).send('Not Acceptable') }),
    ),
    asks(['GET /', 'Accept: image/png']),
  ],
  [
    'res.get',
    get((_req, res) => {
      res.type('html');
      res.send(String(res.get('content-TYPE')));
    }),
  ],
  [
    'res.json',
    get(
      (req, res) =>
        res.status(201).json({ null: null, false: false, text: '{"a":1}', '7': req.query.x })[7 as never],
    ),
    asks('GET /'),
  ],
  ...['null', '"text"', 'true', '[]', '""', '0'].map(
    json => [`res.json of ${json}`, get((_req, res) => res.json(JSON.parse(json)))] as Row,
  ),
  ['res.json of undefined', get((_req, res) => res.json(undefined))],
  [
    'res.json with a type of its own',
    get((_req, res) => res.type('application/vnd.api+json').json({ a: 1 })),
  ],
  [
    'res.jsonp',
    get((_req, res) => res.jsonp({ user: '\u2028' })),
    asks('GET /?callback=foo', 'GET /', 'GET /?callback=a<b>'),
  ],
  [
    'res.links',
    get((_req, res) =>
      res.links({ next: 'http://api.test?page=2', last: 'http://api.test?page=5' }).send('x'),
    ),
  ],
  ['res.location', get((_req, res) => res.location('/foo bar?é').status(201).end())],
  [
    'res.redirect',
    app => {
      app.get('/', (_req, res) => res.redirect('/foo/bar'));
      app.get('/301', (_req, res) => res.redirect(301, 'http://example.com/<a>'));
      app.get('/up', (_req, res) => res.redirect('../login'));
    },
    asks('GET /', ['GET /301', 'Accept: text/html'], 'HEAD /301', ['GET /up', 'Accept: image/png']),
  ],
  [
    "res.redirect('back')",
    get((_req, res) => res.redirect('back')),
    { ...asks(['GET /', 'Referer: /from'], 'GET /'), major: 4 },
  ],
  ['res.send of a string', get((_req, res) => res.send('<p>some html</p>')), asks('GET /', 'HEAD /')],
  ['res.send of a buffer', get((_req, res) => res.send(Buffer.from('whoop\xff', 'latin1')))],
  [
    'res.send of a buffer as text',
    get((_req, res) => res.set('Content-Type', 'text/html').send(Buffer.from('<p>'))),
  ],
  ['res.send of an object', get((_req, res) => res.send({ some: 'json' }))],
  [
    'res.send of an array, a boolean',
    app => {
      app.get('/', (_req, res) => res.send([1]));
      app.get('/true', (_req, res) => res.send(true as never));
    },
    asks('GET /', 'GET /true'),
  ],
  [
    'res.send of null, undefined, an empty string',
    app => {
      app.get('/null', (_req, res) => res.send(null));
      app.get('/undefined', (_req, res) => res.send());
      app.get('/empty', (_req, res) => res.send(''));
    },
    asks('GET /null', 'GET /undefined', 'GET /empty'),
  ],
  [
    'res.send of a typed array',
    get((_req, res) => res.send(new Uint8Array([104, 105]) as never)),
    { major: 5 },
  ],
  ['res.send of a number', get((_req, res) => res.send(404 as never))],
  [
    'res.send with status and body',
    get((_req, res) => (res as unknown as { send(status: number, body: string): void }).send(400, 'bad')),
    { major: 4 },
  ],
  [
    'res.send of 204, 205 and 304',
    app => {
      for (const status of [204, 205, 304])
        app.get(`/${status}`, (_req, res) => res.status(status).type('txt').send('x'));
    },
    asks('GET /204', 'GET /205', 'GET /304'),
  ],
  [
    'res.send with a charset',
    get((_req, res) => res.set('Content-Type', 'text/plain; charset=latin1').send('é')),
  ],
  [
    'res.send, revalidated',
    get((_req, res) => res.send('text')),
    asks(['GET /', 'If-None-Match: W/"4-o/GjO4zRvMzZJO4/WTJQjKB+Fmk"'], ['HEAD /', 'If-None-Match: *']),
  ],
  [
    'res.sendFile',
    (app, log) =>
      app.get('/', (_req, res) =>
        res.sendFile(
          'index.html',
          { root: site, headers: { 'x-sent': 'true' }, maxAge: 1000, lastModified: false },
          error => log(error ? 'failed' : 'sent'),
        ),
      ),
    asks('GET /', 'HEAD /'),
  ],
  [
    'res.sendFile: a range',
    (app, log) => app.get('/', (_req, res) => res.sendFile(index, error => log(error?.message ?? 'sent'))),
    asks(['GET /', 'Range: bytes=1-3'], ['GET /', 'Range: bytes=2-', 'If-Range: "other"']),
  ],
  [
    'res.sendFile: no range',
    get((_req, res) => res.sendFile(index, { acceptRanges: false })),
    asks(['GET /', 'Range: bytes=1-3']),
  ],
  [
    'res.sendFile: out of range',
    get((_req, res) => res.sendFile(index)),
    { ...asks(['GET /', 'Range: bytes=500-']), isPastLayer: true, ...set({ env: 'production' }) },
  ],
  [
    'res.sendFile: fresh',
    (app, log) => app.get('/', (_req, res) => res.sendFile(index, error => log(error?.message ?? 'sent'))),
    asks(['GET /', 'If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT']),
  ],
  [
    'res.sendFile: not there',
    (app, log) =>
      app.get('/', (_req, res) =>
        res.sendFile('none.html', { root: site }, error => {
          log((error as { code?: string })?.code);
          res.status(404).send('no file');
        }),
      ),
  ],
  [
    'res.sendFile: not there, without a callback',
    get((_req, res) => res.sendFile('none.html', { root: site })),
    { isPastLayer: true, ...set({ env: 'production' }) },
  ],
  [
    'res.sendFile: dotfiles',
    get((_req, res) => res.sendFile('.hidden', { root: site, dotfiles: 'deny' })),
    { isPastLayer: true, ...set({ env: 'production' }) },
  ],
  [
    'res.sendFile: dotfiles that are allowed',
    get((_req, res) => res.sendFile('.hidden', { root: site, dotfiles: 'allow' })),
  ],
  ['res.sendFile with a status and a type', get((_req, res) => res.status(404).type('txt').sendFile(index))],
  [
    'res.sendfile',
    get((_req, res) => (res as unknown as { sendfile(file: string): void }).sendfile(index)),
    { major: 4 },
  ],
  [
    'res.sendStatus',
    app => {
      for (const status of [200, 204, 403, 599]) app.get(`/${status}`, (_req, res) => res.sendStatus(status));
    },
    asks('GET /200', 'GET /204', 'GET /403', 'GET /599'),
  ],
  [
    'res.set',
    get((_req, res) =>
      res.set({ 'Content-Type': 'text/plain', 'X-List': ['a', 'b'] as never, ETag: '12345' }).send('x'),
    ),
  ],
  ['res.status', get((_req, res) => res.status(418).json({ tea: true }))],
  [
    'res.status out of range',
    get((_req, res) => res.status(1000).send('x')),
    { ...set({ env: 'production' }), isPastLayer: true, major: 5 },
  ],
  [
    'res.statusMessage',
    get((_req, res) => {
      res.statusMessage = 'Quite fine';
      res.send('x');
    }),
  ],
  [
    'res.type',
    app => {
      for (const type of ['html', 'json', '.png', 'application/x-own', 'md'])
        app.get(`/${encodeURIComponent(type)}`, (_req, res) => res.type(type).send('x'));
    },
    asks('GET /html', 'GET /json', 'GET /.png', 'GET /application%2Fx-own', 'GET /md'),
  ],
  [
    'res.vary',
    get((_req, res) =>
      res
        .vary('User-Agent')
        .vary(['Accept', 'user-agent'] as never)
        .send('x'),
    ),
  ],
  [
    'res.removeHeader',
    get((_req, res) => {
      res.set('X-A', '1').removeHeader('X-A');
      res.removeHeader('X-Powered-By');
      res.send('x');
    }),
  ],
  [
    'res.writeEarlyHints',
    get((_req, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' });
      res.send('x');
    }),
  ],
  [
    'res.writeHead, res.write',
    get((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/plain', 'X-A': '1' });
      res.write('a');
      res.end('b');
    }),
    asks('GET /', 'HEAD /'),
  ],
  [
    'trailers',
    get((_req, res) => {
      res.set('Trailer', 'X-Sum').type('txt').write('body');
      res.addTrailers({ 'X-Sum': '4' });
      res.end();
    }),
  ],
  ['Connection: close', get((_req, res) => res.set('Connection', 'close').send('x'))],
  [
    'res.send twice',
    (app, log) =>
      app.get('/', (_req, res) => {
        res.send('first');
        try {
          res.send('second');
        } catch (error) {
          log((error as { code: string }).code);
        }
      }),
  ],
  ['a stream', get((_req, res) => createReadStream(index).pipe(res.type('html')))],
  [
    'a pipeline',
    (app, log) =>
      app.get('/', (_req, res) =>
        pipeline(Readable.from(['a', 'b']), res.type('txt'), error => log(error ?? 'piped')),
      ),
  ],
  [
    'server-sent events',
    get(async (_req, res) => {
      res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' }).flushHeaders();
      for (const id of [1, 2]) {
        res.write(`id: ${id}\ndata: tick\n\n`);
        await turn();
      }
      res.end();
    }),
  ],
  [
    'events of a response',
    (app, log) =>
      app.get('/', (_req, res) => {
        res.once('prefinish', () => log('prefinish'));
        res.end('x', () => log('ended'));
      }),
  ],
  [
    'express.response of all apps',
    app =>
      app.get('/', (_req, res) =>
        res.json(
          Object.getPrototypeOf(Object.getPrototypeOf(res)) === express.response ||
            Object.getPrototypeOf(res) === app.response,
        ),
      ),
  ],
];
