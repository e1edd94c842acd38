import type express5 from 'express';
import { asks, type Express, failure, get, ntl, type Row, seen, set } from './support.js';

/** Express' application reference: expressjs.com, api/application. */
export const ofApplication = (express: Express): Row[] => [
  [
    'app.locals',
    app => {
      app.locals.title = 'My App';
      app.get('/', (req, res) => res.json(req.app.locals.title));
    },
  ],
  [
    'app.mountpath',
    app => {
      const admin = express();
      admin.get('/', (_req, res) => res.json(admin.mountpath));
      app.use(['/adm', '/manager'], admin);
    },
    asks('GET /adm', 'GET /manager/'),
  ],
  [
    "app.on('mount')",
    (app, log) => {
      const admin = express();
      admin.on('mount', parent => log(parent === app));
      app.use('/admin', admin);
      admin.get('/', (_req, res) => res.send('admin'));
    },
    asks('GET /admin', 'GET /admin/none'),
  ],
  [
    'app.path',
    app => {
      const [blog, admin] = [express(), express()];
      app.use('/blog', blog);
      blog.use('/admin', admin);
      admin.get('/', (req, res) => res.json([admin.path(), req.baseUrl, req.originalUrl, req.url]));
    },
    asks('GET /blog/admin?a=1'),
  ],
  [
    'an app with settings of its own',
    app => {
      const inner = express();
      inner.set('json spaces', 2).disable('x-powered-by');
      app.use('/in', inner);
      inner.get('/', (_req, res) => res.json({ a: 1 }));
    },
    asks('GET /in'),
  ],
  [
    'app.all',
    app => app.all('/secret', (req, res) => res.send(`all ${req.method}`)),
    asks('GET /secret', 'PATCH /secret', 'OPTIONS /secret', 'HEAD /secret', 'GET /none'),
  ],
  [
    'app.METHOD',
    app => {
      app.delete('/', (_req, res) => res.send('deleted'));
      app.put('/', (_req, res) => res.status(201).send('put'));
      app.patch('/', (_req, res) => res.sendStatus(204));
    },
    asks('DELETE /', 'PUT /', 'PATCH /', 'GET /'),
  ],
  ['HEAD by the route of GET', get((_req, res) => res.send('text')), asks('HEAD /', 'GET /')],
  [
    'OPTIONS by the routes there are',
    app => {
      app.get('/', (_req, res) => res.send('x'));
      app.post('/', (_req, res) => res.send('x'));
    },
    asks('OPTIONS /', 'OPTIONS /none'),
  ],
  [
    'app.engine, app.render',
    app =>
      ntl(app).get('/', (_req, res, next) =>
        app.render('index', { title: 'Hey', message: 'hello' }, (error, html) =>
          error ? next(error) : res.send(html),
        ),
      ),
  ],
  [
    'res.render',
    app => {
      ntl(app).locals.message = 'of the app';
      app.get('/', (_req, res) => res.render('index', { title: 'Hey' }));
    },
  ],
  [
    'res.render with res.locals and a callback',
    app =>
      ntl(app).get('/', (_req, res) => {
        res.locals.title = 'local';
        res.render('index', { message: 'm' }, (_error, html) => res.type('txt').send(html.toUpperCase()));
      }),
  ],
  [
    'a view that is not there',
    app => {
      ntl(app).set('views', '/views');
      app.get('/', (_req, res) => res.render('missing'));
      app.use(((error, _req, res, _next) =>
        res.status(500).send(error.message)) as express5.ErrorRequestHandler);
    },
  ],
  [
    'view cache',
    app => {
      ntl(app).enable('view cache');
      app.get('/', (_req, res) => res.render('index', { title: '1', message: '2' }));
    },
    asks('GET /', 'GET /'),
  ],
  [
    'app.param',
    (app, log) => {
      app.param('id', (req, _res, next, id) => {
        log(`once ${id}`);
        Object.assign(req, { user: `user ${id}` });
        next();
      });
      app.get('/user/:id', (_req, _res, next) => next());
      app.get('/user/:id', (req, res) => res.json((req as unknown as { user: string }).user));
    },
    asks('GET /user/42', 'GET /user/tobi'),
  ],
  [
    'app.param that fails',
    app => {
      app.param('id', (_req, _res, next) => next(failure('no such user', { status: 404 })));
      app.get('/user/:id', (_req, res) => res.send('x'));
    },
    { ...asks('GET /user/1'), isPastLayer: true },
  ],
  [
    'app.route',
    app =>
      app
        .route('/events')
        .all((_req, res, next) => {
          res.set('X-All', '1');
          next();
        })
        .get((_req, res) => res.json([]))
        .post((_req, res) => res.status(201).json({})),
    asks('GET /events', 'POST /events', 'OPTIONS /events'),
  ],
  [
    'app.use at paths and patterns',
    app => app.use(['/abcd', /\/xyz$/], (req, res) => res.json([req.baseUrl, req.url])),
    asks('GET /abcd/e', 'GET /xyz', 'GET /none'),
  ],
  [
    'a path that cannot be decoded',
    app => app.get('/:name', (req, res) => res.send(req.params.name)),
    { ...asks('GET /%ZZ'), isPastLayer: true, ...set({ env: 'production' }) },
  ],
  [
    'case sensitive routing',
    app => app.get('/Foo', (_req, res) => res.send('Foo')),
    { ...set({ 'case sensitive routing': true }), ...asks('GET /Foo', 'GET /foo') },
  ],
  [
    'strict routing',
    app => app.get('/foo', (_req, res) => res.send('foo')),
    { ...set({ 'strict routing': true }), ...asks('GET /foo', 'GET /foo/') },
  ],
  ['etag: false', get((_req, res) => res.send('x')), set({ etag: false })],
  [
    'etag: strong',
    get((_req, res) => res.send('x')),
    {
      ...set({ etag: 'strong' }),
      ...asks('GET /', ['GET /', 'If-None-Match: "1-Ee/zQB6P4+pZf4S6pGKXsIpAkg0"']),
    },
  ],
  [
    'etag: a function',
    get((_req, res) => res.send('x')),
    {
      ...set({ etag: (body: Buffer) => `"${body.length}"` }),
      ...asks('GET /', ['GET /', 'If-None-Match: "1"']),
    },
  ],
  [
    'jsonp callback name',
    get((_req, res) => res.jsonp({ a: 1 })),
    { ...set({ 'jsonp callback name': 'cb' }), ...asks('GET /?cb=foo', 'GET /?callback=foo') },
  ],
  [
    'json escape, json spaces, json replacer',
    get((_req, res) => res.json({ html: '<p>&', secret: 1, list: [1] })),
    set({
      'json escape': true,
      'json spaces': 2,
      'json replacer': (key: string, value: unknown) => (key === 'secret' ? undefined : value),
    }),
  ],
  [
    'query parser: extended',
    seen(req => req.query),
    { ...set({ 'query parser': 'extended' }), ...asks('GET /?shoe[color]=blue&a=1&a=2') },
  ],
  [
    'query parser: simple',
    seen(req => req.query),
    { ...set({ 'query parser': 'simple' }), ...asks('GET /?shoe[color]=blue&a=1&a=2') },
  ],
  [
    'query parser: a function',
    seen(req => req.query),
    { ...set({ 'query parser': (text: string) => ({ text }) }), ...asks('GET /?a=1') },
  ],
  ['query parser: off', seen(req => req.query), { ...set({ 'query parser': false }), ...asks('GET /?a=1') }],
  [
    'subdomain offset',
    seen(req => req.subdomains),
    { ...set({ 'subdomain offset': 1 }), ...asks(['GET /', 'Host: tobi.ferrets.localhost']) },
  ],
  [
    'trust proxy',
    seen(req => [req.ip, req.ips, req.protocol, req.secure, req.hostname, req.host]),
    {
      ...set({ 'trust proxy': true }),
      ...asks([
        'GET /',
        'X-Forwarded-For: 203.0.113.7, 10.0.0.1',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Host: shop.test:8080',
      ]),
    },
  ],
  [
    'trust proxy: hops',
    seen(req => [req.ip, req.ips]),
    { ...set({ 'trust proxy': 1 }), ...asks(['GET /', 'X-Forwarded-For: 203.0.113.7, 10.0.0.1']) },
  ],
  [
    'trust proxy: subnets',
    seen(req => [req.ip, req.ips]),
    {
      ...set({ 'trust proxy': ['loopback', 'uniquelocal'] }),
      ...asks(['GET /', 'X-Forwarded-For: 203.0.113.7, 10.0.0.1']),
    },
  ],
  [
    'no trusted proxy',
    seen(req => [req.ip, req.ips, req.protocol, req.hostname]),
    asks(['GET /', 'X-Forwarded-For: 203.0.113.7', 'X-Forwarded-Host: shop.test']),
  ],
  ['x-powered-by', get((_req, res) => res.send('x')), set({ 'x-powered-by': false })],
  [
    'app.get of a setting, app.enabled',
    app =>
      app.get('/', (_req, res) =>
        res.json([app.get('title'), app.enabled('nice'), app.disabled('x-powered-by')]),
      ),
    set({ title: 'My Site', nice: true }),
  ],
];
