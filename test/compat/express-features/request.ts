import { sign } from 'cookie-signature';
import type express5 from 'express';
import { asks, cookieParser, get, post, type Row, seen } from './support.js';

/** Express' request reference. */
export const ofRequest: Row[] = [
  [
    'req.app, req.res, res.req, res.app',
    app =>
      app.get('/', (req, res) =>
        res.json([req.app === app, req.res === res, res.req === req, res.app === app]),
      ),
  ],
  [
    'req.path, req.originalUrl, req.baseUrl, req.url',
    app => app.use('/mounted', (req, res) => res.json([req.path, req.originalUrl, req.baseUrl, req.url])),
    asks('GET /mounted/a%20b?c=1', 'GET http://other.test/mounted/x'),
  ],
  ['req.body without a parser', seen(req => typeof req.body)],
  [
    'req.cookies, req.signedCookies',
    app => {
      app.use(cookieParser as express5.RequestHandler);
      app.get('/', (req, res) => res.json([req.cookies, req.signedCookies]));
    },
    asks(['GET /', `Cookie: a=b%20c; s=${encodeURIComponent(`s:${sign('v', 'secret')}`)}; bad=s:v.x`]),
  ],
  [
    'req.fresh, req.stale',
    get((req, res) => {
      res.set('ETag', '"1"');
      res.set('X-Fresh', `${req.fresh} ${req.stale}`);
      res.send('x');
    }),
    asks(
      ['GET /', 'If-None-Match: "1"'],
      ['GET /', 'If-None-Match: "2"'],
      ['GET /', 'If-None-Match: "1"', 'Cache-Control: no-cache'],
    ),
  ],
  [
    'req.hostname, req.host, req.subdomains',
    seen(req => [req.hostname, req.host, req.subdomains]),
    asks(['GET /', 'Host: tobi.ferrets.example.com:3000']),
  ],
  [
    'req.method, req.protocol, req.secure, req.xhr',
    seen(req => [req.method, req.protocol, req.secure, req.xhr]),
    asks(['GET /', 'X-Requested-With: XMLHttpRequest']),
  ],
  [
    'req.params',
    app => app.get('/flights/:from-:to', (req, res) => res.json(req.params)),
    asks('GET /flights/LAX-S%20F'),
  ],
  [
    'req.params of a pattern',
    app => app.get(/^\/file\/(.*)$/, (req, res) => res.json(req.params[0])),
    asks('GET /file/js/a.js'),
  ],
  [
    'req.params of a wildcard',
    app => app.get('/files/*splat', (req, res) => res.json(req.params)),
    { ...asks('GET /files/images/logo.png', 'GET /files'), major: 5 },
  ],
  [
    'req.params of an optional segment',
    app => app.get('/:file{.:ext}', (req, res) => res.json(req.params)),
    { ...asks('GET /image.png', 'GET /image'), major: 5 },
  ],
  [
    'req.params of a wildcard of Express 4',
    app => app.get('/files/*', (req, res) => res.json(req.params)),
    { ...asks('GET /files/images/logo.png'), major: 4 },
  ],
  [
    'req.param',
    seen(req => (req as unknown as { param: (name: string) => string }).param('a')),
    { ...asks('GET /?a=1'), major: 4 },
  ],
  ['req.query', seen(req => req.query), asks('GET /?q=tobi+ferret&a=1&a=2')],
  [
    'req.route',
    app => app.get('/user/:id', (req, res) => res.json([req.route.path, Object.keys(req.route.methods)])),
    asks('GET /user/1'),
  ],
  [
    'req.accepts',
    seen(req => [
      req.accepts('html'),
      req.accepts(['json', 'text']),
      req.acceptsCharsets('utf-8'),
      req.acceptsEncodings('gzip', 'br'),
      req.acceptsLanguages('en', 'de'),
    ]),
    asks([
      'GET /',
      'Accept: text/*;q=.5, application/json',
      'Accept-Language: de',
      'Accept-Encoding: br',
      'Accept-Charset: utf-8',
    ]),
  ],
  [
    'req.get',
    seen(req => [req.get('Content-Type'), req.get('something'), req.get('referrer')]),
    asks(['GET /', 'Content-Type: text/plain', 'Referer: http://a.test']),
  ],
  [
    'req.is',
    app => app.post('/', (req, res) => res.json([req.is('html'), req.is('json'), req.is('application/*')])),
    asks(post('application/json', '{}')),
  ],
  [
    'req.range',
    seen(req => req.range(100, { combine: true })),
    asks(['GET /', 'Range: bytes=0-10,5-20'], ['GET /', 'Range: bytes=200-']),
  ],
  [
    'a body that nobody reads',
    app => app.post('/', (_req, res) => res.send('unread')),
    asks(post('text/plain', 'x'.repeat(70_000))),
  ],
  [
    'a body that is read as a stream',
    app =>
      app.post('/', (req, res) => {
        let size = 0;
        req
          .on('data', part => {
            size += part.length;
          })
          .on('end', () => res.json(size));
      }),
    asks(post('text/plain', 'x'.repeat(70_000))),
  ],
];
