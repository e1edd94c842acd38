// The app of `npm run test:docs-page`, on Express and Koa, below helmet() and a prefix.
import Router from '@koa/router';
import { Depends, dependency, endpoint, HTTPException } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { openapi, redoc, scalar, swaggerUi, swaggerUiOAuth2Redirect } from 'callnext/openapi';
import { Path } from 'callnext/params';
import {
  OAuth2AuthorizationCodeBearer,
  OAuth2PasswordBearer,
  OAuth2PasswordRequestForm,
} from 'callnext/security';
import express from 'express';
import helmet from 'helmet';
import Koa from 'koa';
import mount from 'koa-mount';
import { z } from 'zod';

const title = 'Shop';
const info = { title, version: '1.0.0' };

/** The endpoints by method and path. */
function endpointsOf(app, { assets, provider, mounts }) {
  const password = new OAuth2PasswordBearer({ tokenUrl: 'token' });
  const code = new OAuth2AuthorizationCodeBearer({
    authorizationUrl: `${provider}/authorize`,
    tokenUrl: `${provider}/token`,
  });
  const userOf = scheme =>
    dependency({ token: Depends(scheme) }, ({ token }) => {
      if (token !== 'token of alice') throw new HTTPException(401, 'Invalid token');
      return { username: 'alice' };
    });
  const readMe = endpoint({ user: Depends(userOf(password)) }, function readMe({ user }) {
    return user;
  });
  const readOrders = endpoint({ user: Depends(userOf(code)) }, function readOrders({ user }) {
    return [{ of: user.username }];
  });
  const readItem = endpoint({ itemId: Path(z.int(), { alias: 'item_id' }) }, function readItem({ itemId }) {
    return { item_id: itemId };
  });
  const login = endpoint({ form: Depends(OAuth2PasswordRequestForm) }, function login({ form }) {
    if (form.password !== 'secret') throw new HTTPException(400, 'Incorrect username or password');
    return { access_token: `token of ${form.username}`, token_type: 'bearer' };
  });
  const swagger = { title, oauth2RedirectUrl: 'docs/oauth2-redirect', initOAuth: { clientId: 'docs' } };
  return {
    'get /openapi.json': openapi(app, { ...info, mounts }),
    'get /docs': swaggerUi({ ...swagger, assets: assets.swagger }),
    'get /docs/oauth2-redirect': swaggerUiOAuth2Redirect(),
    'get /docs-from-cdn': swaggerUi({ title }),
    'get /redoc': redoc({ title, assets: assets.redoc }),
    'get /redoc-from-cdn': redoc({ title }),
    'get /scalar': scalar({ title, assets: assets.scalar }),
    'get /scalar-from-cdn': scalar({ title }),
    'get /items/:item_id': readItem,
    'get /users/me': readMe,
    'get /orders': readOrders,
    'post /token': login,
  };
}

function onExpress(options) {
  const app = express();
  for (const [route, target] of Object.entries(endpointsOf(app, options))) {
    const [method, path] = route.split(' ');
    app[method](path, toExpress(target));
  }
  return express().set('env', 'test').use(helmet()).use('/api', app);
}

function onKoa(options) {
  const router = new Router();
  const inner = new Koa();
  const endpoints = endpointsOf(inner, { ...options, mounts: [['/api', inner]] });
  for (const [route, target] of Object.entries(endpoints)) {
    const [method, path] = route.split(' ');
    router[method](path, toKoa(target));
  }
  inner.use(router.routes());
  const protect = helmet();
  return new Koa()
    .use(async (ctx, next) => {
      await new Promise((resolve, reject) =>
        protect(ctx.req, ctx.res, error => (error ? reject(error) : resolve())),
      );
      await next();
    })
    .use(mount('/api', inner))
    .callback();
}

/** Returns the listener of the app; its pages are below `/api`. */
export const appOn = { express: onExpress, koa: onKoa };

/** Returns an authorization server that logs everybody in as Alice, except for two clients. */
export function providerApp() {
  const app = express().use(express.urlencoded({ extended: false }));
  app.get('/authorize', (req, res) => {
    const back = new URL(req.query.redirect_uri);
    const isDenied = req.query.client_id === 'denied';
    back.searchParams.set(...(isDenied ? ['error', 'access_denied'] : ['code', 'code of alice']));
    back.searchParams.set('state', req.query.client_id === 'forged' ? 'forged' : req.query.state);
    res.redirect(back.href);
  });
  app.use('/token', (req, res) => {
    res.set({ 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' });
    if (req.method === 'OPTIONS') res.end();
    else if (req.body.code !== 'code of alice') res.status(400).json({ error: 'invalid_grant' });
    else res.json({ access_token: 'token of alice', token_type: 'bearer' });
  });
  return app;
}
