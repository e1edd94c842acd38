import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import compression from 'compression';
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import session from 'express-session';
import multer, { MulterError } from 'multer';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import type { Connection, Store } from './real-store.js';

/** The app's own class of errors. */
export class AppError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, message: string, code: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Lines added to the app. The app without them gives the expected answers. */
export interface Added {
  /** Before everything else. */
  readonly first?: (app: Express) => void;
  /** After the session and compression. */
  readonly second?: (app: Express) => void;
  /** Before the routes. */
  readonly guard?: (app: Express) => void;
  /** Before the error middleware. */
  readonly last?: (app: Express) => void;
  /** Replaces the store's connection in handlers. */
  readonly connect?: (req: Request) => Promise<Connection>;
  /** Replaces it for work in a block. */
  readonly withConnection?: (req: Request, work: (db: Connection) => Promise<void>) => Promise<void>;
  /** Runs first in the error middleware. */
  readonly onError?: (error: unknown, req: Request) => Promise<void>;
}

interface User {
  readonly id: string;
  readonly password: string;
}

declare module 'express-session' {
  interface SessionData {
    visits?: number;
  }
}

const users = new Map([['ada', { id: 'ada', password: 'lovelace' }]]);
const report = Array.from({ length: 200 }, (_, row) => `row ${row} of a report that is worth compressing\n`);

function authentication(): Passport {
  const passport = new Passport();
  passport.use(
    new Strategy((name, password, done) => {
      const user = users.get(name);
      if (name === 'nobody') done(new Error('the directory is down'));
      else done(null, (user?.password === password ? user : false) as never);
    }),
  );
  passport.serializeUser<User, string>((user, done) => done(null, user.id));
  passport.deserializeUser<User, string>((id, done) => done(null, users.get(id) ?? false));
  return passport;
}

/** An Express app with the usual middleware and the usual mistakes. */
export function realApp(store: Store, added: Added = {}): Express {
  const connect = added.connect ?? (async req => (req as { db?: Connection }).db ?? store);
  const withConnection = added.withConnection ?? (async (req, work) => work(await connect(req)));
  const passport = authentication();
  const upload = multer({ limits: { fileSize: 20_000 } });
  const loggedIn: RequestHandler = (req, _res, next) =>
    next((req as { user?: User }).user ? undefined : new AppError(401, 'log in first', 'no_login'));
  let sessions = 0;

  const app = express().set('env', 'test');
  added.first?.(app);
  const genid = (): string => `session-${++sessions}`;
  app.use(session({ secret: 'secret', resave: false, saveUninitialized: false, genid }));
  app.use(compression({ threshold: 1000 }));
  added.second?.(app);
  app.use(express.json(), express.urlencoded({ extended: false }));
  app.use(passport.initialize(), passport.session());
  added.guard?.(app);

  app.get('/', (_req, res) => void res.send('welcome'));
  app.post('/login', passport.authenticate('local'), async (req, res) => {
    const { id } = (req as { user?: User }).user as User;
    await withConnection(req, async db => void (await db.query(`INSERT login of ${id}`)));
    res.json({ id });
  });
  app.post(
    '/login-form',
    passport.authenticate('local', { successRedirect: '/me', failureRedirect: '/?failed' }),
  );
  app.get('/me', loggedIn, (req, res) => void res.json((req as { user?: User }).user?.id));
  app.get('/visits', (req, res) => {
    req.session.visits = (req.session.visits ?? 0) + 1;
    res.json({ visits: req.session.visits });
  });
  app.get('/old', (_req, res) => res.redirect('/orders'));
  app.get('/orders', async (req, res) => {
    await (await connect(req)).query('SELECT orders');
    res.json(report);
  });
  app.post('/orders', async (req, res) => {
    const { item } = req.body ?? {};
    await (await connect(req)).query(`INSERT order of ${item}`);
    if (!item) throw new AppError(409, 'an order needs an item', 'invalid');
    res.status(201).json({ item });
  });
  app.post('/sold-out', async (req, _res, next) => {
    await (await connect(req)).query('INSERT sold out');
    next(new AppError(409, 'sold out', 'sold_out'));
  });
  app.post('/uploads', upload.single('file'), async (req, res) => {
    await (await connect(req)).query(`INSERT ${req.file?.originalname}`);
    if (!req.file) throw new AppError(422, 'no file', 'invalid');
    res.status(201).json({ name: req.file.originalname, size: req.file.size });
  });
  app.get('/export', async (req, res) => {
    await withConnection(req, async db => {
      res.type('text/csv');
      for (let page = 0; page < 4; page += 1) {
        await db.query(`SELECT page ${page}`);
        res.write(`page ${page}\n`);
      }
      if (req.query.fails) throw new Error('the export broke');
      res.end();
    });
  });
  app.get('/cursor', async (req, res) => {
    const db = await connect(req);
    async function* read() {
      for (let page = 0; page < 4; page += 1) {
        await db.query(`SELECT page ${page}`);
        yield 'x'.repeat(30_000);
      }
      if (req.query.fails) throw new Error('the cursor broke');
    }
    await pipeline(Readable.from(read()), res.type('text/plain'));
  });
  app.get('/rooms', async (req, res) => {
    const db = await connect(req);
    for (let page = 0; page < 4; page += 1) {
      await db.query(`SELECT page ${page}`);
      if (!res.write('x'.repeat(60_000))) await once(res, 'drain');
    }
    res.end();
  });
  app.get('/report', async (_req, res) => pipeline(Readable.from(report), res.type('text/plain')));
  app.get('/piped', (_req, res) => void Readable.from(report).pipe(res.type('text/plain')));
  app.get('/download', (_req, res) => res.download('LICENSE', 'licence.txt'));
  app.get('/file', (_req, res) => res.sendFile('LICENSE', { root: '.' }));
  app.get('/callback', (_req, res) => void setImmediate(() => res.json('later')));
  app.get('/slow', async (req, res) => {
    const db = await connect(req);
    await db.query('INSERT before');
    await store.wait();
    await db.query('INSERT after');
    res.json('slow');
  });
  app.get('/goes-on-working', async (req, res) => {
    const db = await connect(req);
    res.json('done');
    for (let step = 0; step < 3; step += 1) await db.query(`INSERT step ${step}`);
    if (req.query.fails) throw new Error('late');
  });

  app.get('/forbidden', async req => {
    await (await connect(req)).query('INSERT forbidden');
    throw new AppError(403, 'not yours', 'forbidden');
  });
  app.get('/throws', () => {
    throw new Error('in a handler');
  });
  app.get('/throws-later', async req => {
    await (await connect(req)).query('INSERT');
    throw new Error('in an async handler');
  });
  app.get('/throws-text', () => Promise.reject('text'));
  app.get('/next-error', (_req, _res, next) => next(new Error('by next')));
  app.get('/failed-by-hand', async (req, res) => {
    await (await connect(req)).query('INSERT');
    res.status(500).json('by hand');
  });
  app.get('/answers-and-throws', async (req, res) => {
    await (await connect(req)).query('INSERT');
    res.json('first');
    throw new Error('after the answer');
  });
  app.get('/redirects-and-answers', async (req, res) => {
    await (await connect(req)).query('INSERT');
    res.redirect('/login');
    res.json('secret');
  });
  app.get('/answers-and-goes-on', (_req, res, next) => {
    res.json('first');
    next();
  });
  added.last?.(app);
  const renderError: ErrorRequestHandler = async (error, req, res, next) => {
    await added.onError?.(error, req);
    if (res.headersSent) return next(error);
    const status = error.status ?? (error instanceof MulterError ? 413 : 500);
    const message = String(error.message ?? error);
    res.status(status).json({ error: { code: error.code ?? 'internal', message, path: req.path } });
  };
  return app.use(renderError);
}
