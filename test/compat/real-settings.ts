import type http from 'node:http';
import {
  Depends,
  HTTPException,
  type Injected,
  JSONResponse,
  Layer,
  type Middleware,
  type RequestScope,
} from 'callnext';
import { errorBoundary, inject, toExpress, wrap } from 'callnext/express';
import { timeout } from 'callnext/middleware/timeout';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { type Added, AppError, realApp } from './real-app.js';
import { Store, type Transaction } from './real-store.js';

export interface Setting {
  readonly place: 'above' | 'below' | 'wrap';
  readonly hasBoundary: boolean;
  /** How a request gets its transaction. */
  readonly by: 'guard' | 'layer' | 'inject' | 'block';
  readonly scope: RequestScope;
}

export const ways: readonly Pick<Setting, 'by' | 'scope'>[] = [
  { by: 'guard', scope: 'function' },
  { by: 'guard', scope: 'request' },
  { by: 'layer', scope: 'function' },
  { by: 'layer', scope: 'request' },
  { by: 'inject', scope: 'function' },
  { by: 'inject', scope: 'request' },
  { by: 'block', scope: 'function' },
];
const places = ['above', 'below', 'wrap'] as const;
export const settings: readonly Setting[] = ways.flatMap(way =>
  places.flatMap(place => [true, false].map(hasBoundary => ({ ...way, place, hasBoundary }))),
);

export function titleOf({ place, hasBoundary, by, scope }: Setting): string {
  return `${place}${hasBoundary ? ', a boundary' : ''}, by ${by}, scope ${scope}`;
}

/** The errors that an attack throws, and the answers the client should get. */
export const thrown = {
  error: { make: () => new Error('attack'), status: 500, body: page('internal', 'attack') },
  app: {
    make: () => new AppError(403, 'attack', 'forbidden'),
    status: 403,
    body: page('forbidden', 'attack'),
  },
  http: { make: () => new HTTPException(418, 'attack'), status: 418, body: '{"detail":"attack"}' },
  text: { make: () => 'attack', status: 500, body: page('internal', 'attack') },
} as const;
export type Kind = keyof typeof thrown;
export const kinds = Object.keys(thrown) as Kind[];

function page(code: string, message: string): string {
  return `{"error":{"code":"${code}","message":"${message}"`;
}

/** An app with callnext. */
export interface Running {
  readonly store: Store;
  readonly layer: Layer;
  readonly listener: http.RequestListener;
  /** The errors reported to `onError`. */
  readonly told: unknown[];
  readonly transaction: Depends<Transaction>;
}

/** Fails or answers as the request's headers ask, before or after the app has answered. */
const attacked: Middleware = async (request, callNext) => {
  const { headers } = request;
  const before = headers.get('x-before');
  if (before) throw thrown[before as Kind].make();
  const response = await callNext(request);
  const after = headers.get('x-after');
  if (after) throw thrown[after as Kind].make();
  return headers.has('x-replace') ? new JSONResponse('replaced') : response;
};

export interface Options {
  readonly timeoutMs?: number;
  readonly onError?: (error: unknown, transaction: Promise<Transaction>) => Promise<void>;
}

/** Adds callnext to the app as docs/guides/add-to-express.md describes. */
export function run({ place, hasBoundary, by, scope }: Setting, options: Options = {}): Running {
  const store = new Store();
  const told: unknown[] = [];
  const isShared = by === 'guard' || by === 'layer';
  async function* begin({ request }: Injected) {
    const transaction = await store.begin();
    // On the request, like the user and the session, for handlers that know nothing of callnext.
    if (isShared) Object.assign((request.raw as { req: object }).req, { db: transaction });
    try {
      yield transaction;
      await transaction.commit();
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
  }
  const transaction = Depends(begin, { scope });
  const { timeoutMs } = options;
  const layer = new Layer({
    middleware: timeoutMs === undefined ? [attacked] : [attacked, timeout({ timeoutMs })],
    dependencies: by === 'layer' ? [transaction] : [],
    onError: error => told.push(error),
  });
  const mount: Added['first'] = app => void app.use(toExpress(layer) as RequestHandler);
  const app = realApp(store, {
    ...(place === 'above' && { first: mount }),
    ...(place === 'below' && { second: mount }),
    ...(by === 'guard' && { guard: each => void each.use(toExpress(transaction) as RequestHandler) }),
    ...(hasBoundary && { last: each => void each.use(errorBoundary(layer) as ErrorRequestHandler) }),
    ...(!isShared && { connect: req => inject(req, transaction) }),
    ...(by === 'block' && {
      withConnection: (req, work) => inject(req, { db: transaction }, ({ db }) => work(db)),
    }),
    ...(options.onError && { onError: (error, req) => options.onError?.(error, inject(req, transaction)) }),
  } as Added);
  const listener = (place === 'wrap' ? wrap(app, layer) : app) as http.RequestListener;
  return { store, layer, listener, told, transaction };
}
