import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { asks, type Express, failure, parsed, post, type Row, set, site } from './support.js';

/** The reference of `express()`: parsers, router and static files. */
export const ofExpress = (express: Express): Row[] => [
  [
    'express.json',
    parsed(express.json()),
    asks(post('application/json', '{"a":[1]}'), post('text/plain', 'x'), post('application/json', '')),
  ],
  [
    'express.json: reviver, type',
    parsed(express.json({ type: '*/*', reviver: (_key, value) => (value === 1 ? 'one' : value) })),
    asks(post('application/x-own', '{"a":1}')),
  ],
  [
    'express.json: invalid',
    parsed(express.json()),
    { ...asks(post('application/json', '{')), isPastLayer: true, ...set({ env: 'production' }) },
  ],
  [
    'express.json: too large',
    parsed(express.json({ limit: 5 })),
    { ...asks(post('application/json', '{"a":"12345"}')), isPastLayer: true, ...set({ env: 'production' }) },
  ],
  [
    'express.json: verify',
    parsed(
      express.json({
        verify: (_req, _res, bytes) => {
          if (bytes[0] === 91) throw failure('no lists');
        },
      }),
    ),
    { ...asks(post('application/json', '[]')), isPastLayer: true },
  ],
  [
    'express.json: compressed',
    parsed(express.json()),
    asks(post('application/json', gzipSync('{"a":1}').toString('latin1'), 'Content-Encoding: gzip')),
  ],
  [
    'express.json: in chunks',
    parsed(express.json()),
    asks([
      'POST /',
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
      '',
      '7',
      '{"a":1}',
      '0',
      '',
      '',
    ]),
  ],
  [
    'express.json: Expect: 100-continue',
    parsed(express.json()),
    asks(post('application/json', '{"a":1}', 'Expect: 100-continue')),
  ],
  ['express.raw', parsed(express.raw()), asks(post('application/octet-stream', '\x00\xff'))],
  ['express.text', parsed(express.text({ defaultCharset: 'latin1' })), asks(post('text/plain', '\xe9'))],
  [
    'express.urlencoded',
    parsed(express.urlencoded({ extended: true })),
    asks(post('application/x-www-form-urlencoded', 'a[b]=1&c=2&c=3')),
  ],
  [
    'express.urlencoded: too many',
    parsed(express.urlencoded({ extended: false, parameterLimit: 1 })),
    {
      ...asks(post('application/x-www-form-urlencoded', 'a=1&b=2')),
      isPastLayer: true,
      ...set({ env: 'production' }),
    },
  ],
  [
    'express.Router: mergeParams',
    app => {
      const router = express.Router({ mergeParams: true });
      router.get('/books/:book', (req, res) => res.json(req.params));
      app.use('/users/:user', router);
    },
    asks('GET /users/1/books/2'),
  ],
  [
    'express.Router: caseSensitive, strict',
    app => {
      const router = express.Router({ caseSensitive: true, strict: true });
      router.get('/Foo', (_req, res) => res.send('Foo'));
      app.use('/r', router);
    },
    asks('GET /r/Foo', 'GET /r/foo', 'GET /r/Foo/'),
  ],
  [
    'router.param, router.route, router.all',
    app => {
      const router = express.Router();
      router.param('id', (_req, res, next, id) => {
        res.set('X-Id', id);
        next();
      });
      router.all('/:id', (_req, _res, next) => next());
      router
        .route('/:id')
        .get((_req, res) => res.send('x'))
        .delete((_req, res) => res.status(204).end());
      app.use(router);
    },
    asks('GET /7', 'DELETE /7', 'OPTIONS /7'),
  ],
  [
    'express.static',
    app => app.use(express.static(site)),
    asks('GET /', 'GET /about.html', 'HEAD /about.html', 'GET /dot.png', 'GET /data.json', 'GET /none.html'),
  ],
  [
    'express.static: a directory',
    app => app.use(express.static(site)),
    asks('GET /dir', 'GET /dir/', 'HEAD /dir'),
  ],
  [
    'express.static: no redirect, no index',
    app => app.use(express.static(site, { redirect: false, index: false })),
    asks('GET /dir', 'GET /'),
  ],
  [
    'express.static: a range',
    app => app.use(express.static(site)),
    asks(
      ['GET /about.html', 'Range: bytes=4-8'],
      ['GET /about.html', 'Range: bytes=-3'],
      ['GET /about.html', 'Range: bytes=0-1,3-4'],
    ),
  ],
  [
    'express.static: out of range',
    app => app.use(express.static(site, { fallthrough: false })),
    { ...asks(['GET /about.html', 'Range: bytes=500-']), isPastLayer: true, ...set({ env: 'production' }) },
  ],
  [
    'express.static: conditions',
    app => app.use(express.static(site)),
    asks(
      ['GET /about.html', 'If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT'],
      ['GET /about.html', 'If-None-Match: *'],
      ['GET /about.html', 'If-None-Match: "1"'],
    ),
  ],
  [
    'express.static: a failed condition',
    app => app.use(express.static(site, { fallthrough: false })),
    { ...asks(['GET /about.html', 'If-Match: "1"']), isPastLayer: true, ...set({ env: 'production' }) },
  ],
  [
    'express.static: dotfiles',
    app => {
      app.use('/deny', express.static(site, { dotfiles: 'deny', fallthrough: false }));
      app.use('/allow', express.static(site, { dotfiles: 'allow' }));
      app.use(express.static(site));
    },
    asks('GET /allow/.hidden', 'GET /.hidden'),
  ],
  [
    'express.static: extensions, maxAge, immutable, setHeaders',
    app =>
      app.use(
        express.static(site, {
          extensions: ['html'],
          maxAge: '1d',
          immutable: true,
          setHeaders: (res, file) => res.set('X-File', path.basename(file)),
        }),
      ),
    asks('GET /about'),
  ],
  [
    'express.static: no validators',
    app =>
      app.use(
        express.static(site, { etag: false, lastModified: false, acceptRanges: false, cacheControl: false }),
      ),
    asks('GET /about.html', ['GET /about.html', 'Range: bytes=0-1']),
  ],
  [
    'express.static: fallthrough',
    app => {
      app.use(express.static(site));
      app.use((req, res) => res.status(404).send(`no ${req.path}`));
    },
    asks('GET /none', 'POST /about.html', 'GET /../x', 'GET /%00'),
  ],
  [
    'express.static: no fallthrough',
    app => app.use(express.static(site, { fallthrough: false })),
    { ...asks('GET /none'), ...set({ env: 'production' }), isPastLayer: true },
  ],
  [
    'express.static: no other methods',
    app => app.use(express.static(site, { fallthrough: false })),
    asks('POST /about.html', 'OPTIONS /about.html'),
  ],
  [
    'express.static: two directories and a prefix',
    app => {
      app.use('/static', express.static(path.join(site, 'dir')), express.static(site));
    },
    asks('GET /static/', 'GET /static/about.html', 'GET /about.html'),
  ],
];
