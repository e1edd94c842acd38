import {
  Depends,
  endpoint,
  HTTPException,
  type Injected,
  Layer,
} from 'callnext';
import { toExpress } from 'callnext/express';
import { sessions } from 'callnext/middleware/sessions';
import express, { type Express } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';

declare module 'callnext' {
  interface Session {
    user?: string | undefined;
    cart?: string[];
  }
}

const items = new Map([
  ['1', { id: '1', name: 'chair' }],
  ['2', { id: '2', name: 'table' }],
]);

function currentUser({ request }: Injected): string {
  if (request.session.user === undefined)
    throw new HTTPException(401, 'Log in first');
  return request.session.user;
}

const login = endpoint({}, ({ request }) => {
  const { name = '' } = request.pathParams;
  request.session.user = name;
  return { user: name };
});

const readItem = endpoint({}, ({ request }) => {
  const item = items.get(request.pathParams.itemId ?? '');
  if (!item) throw new HTTPException(404, 'Item not found');
  return item;
});

const addToCart = endpoint(
  { user: Depends(currentUser) },
  ({ user, request }) => {
    const cart = [
      ...(request.session.cart ?? []),
      request.pathParams.itemId ?? '',
    ];
    request.session.cart = cart;
    return { user, cart };
  },
  { status: 201 },
);

const readCart = endpoint(
  { user: Depends(currentUser) },
  ({ user, request }) => ({
    user,
    cart: request.session.cart ?? [],
  }),
);

/** What has been ported, by path. */
const ported: Readonly<Record<string, (app: Express) => unknown>> = {
  '/items': app => app.get('/items/:itemId', toExpress(readItem)),
  '/cart': app =>
    app
      .get('/cart', toExpress(readCart))
      .post('/cart/:itemId', toExpress(addToCart)),
  '/login': app => app.post('/login/:name', toExpress(login)),
};

/**
 * The app in front of the FastAPI service. It answers the listed paths and
 * forwards all others. Add a path to the list to move it, and remove the path
 * to move it back.
 */
export function createApp(
  fastapi: string,
  secretKey: string,
  paths: readonly string[],
): Express {
  const layer = new Layer({ middleware: [sessions({ secretKey })] });
  const app = express();
  for (const path of paths) {
    // Only for the listed paths: FastAPI's answers have FastAPI's own session
    // cookie.
    app.use(path, toExpress(layer));
    ported[path]?.(app);
  }
  app.use(createProxyMiddleware({ target: fastapi }));
  return app;
}

/** In the order in which they move. */
export const steps: readonly string[] = Object.keys(ported);
