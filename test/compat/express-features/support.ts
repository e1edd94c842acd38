import { readFile } from 'node:fs';
import path from 'node:path';
import { unsign } from 'cookie-signature';
import type express5 from 'express';
import type { Asked, Feature } from '../features.js';

export type Express = typeof express5;
export type App = express5.Express;
export type Req = express5.Request;
export type Res = express5.Response;
export type Next = express5.NextFunction;
type Handler = (req: Req, res: Res, next: Next) => unknown;
type Log = (entry: unknown) => void;

const fixtures = path.join(__dirname, '../../fixtures');
export const site = path.join(fixtures, 'site');
export const index = path.join(site, 'index.html');
export const failure = (message: string, fields: object = {}): Error =>
  Object.assign(new Error(message), { stack: `Error: ${message}`, ...fields });
export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** A single handler for `GET /`. */
export const get =
  (...handlers: Handler[]) =>
  (app: App): unknown =>
    app.get('/', ...(handlers as express5.RequestHandler[]));
export const seen = (read: (req: Req) => unknown) => get((req, res) => res.json(read(req) ?? null));
export const asks = (...given: Asked[]): { asks: readonly Asked[] } => ({ asks: given });
export const set = (settings: Record<string, unknown>): { prepare: (app: App) => void } => ({
  prepare: app => {
    for (const [name, value] of Object.entries(settings)) app.set(name, value);
  },
});

/** The template engine of "Developing template engines for Express". */
export function ntl(app: App): App {
  app.engine('ntl', (file, options: object, callback) => {
    readFile(file, 'utf8', (error, text) => {
      if (error) return callback(error);
      const given = options as Record<string, unknown>;
      callback(
        null,
        text.replace(/#(\w+)#/g, (_all, name) => String(given[name])),
      );
    });
  });
  app.set('views', path.join(fixtures, 'views'));
  app.set('view engine', 'ntl');
  return app;
}

/** The effect of cookie-parser: `req.cookies`, `req.secret` and `req.signedCookies`. */
export const cookieParser: Handler = (req, _res, next) => {
  const pairs = (req.headers.cookie ?? '').split('; ').map(pair => pair.split('=') as [string, string]);
  Object.assign(req, { secret: 'secret' });
  const decoded = pairs.map(([name, value = '']) => [name, decodeURIComponent(value)] as const);
  req.cookies = Object.fromEntries(decoded.filter(([, value]) => !value.startsWith('s:')));
  const signed = decoded.filter(([, value]) => value.startsWith('s:'));
  req.signedCookies = Object.fromEntries(
    signed.map(([name, value]) => [name, unsign(value.slice(2), 'secret')]),
  );
  next();
};

export const post = (type: string, body: string, ...more: string[]): Asked => [
  'POST /',
  `Content-Type: ${type}`,
  ...more,
  '',
  body,
];
export const parsed = (parser: unknown) => (app: App) => {
  app.post('/', parser as express5.RequestHandler, (req, res) => {
    res.json(Buffer.isBuffer(req.body) ? { bytes: req.body.toString('hex') } : (req.body ?? 'none'));
  });
};

export type Row = [title: string, build: (app: App, log: Log) => unknown, more?: Partial<Feature<App>>];
