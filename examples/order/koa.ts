import Router from '@koa/router';
import { toKoa } from 'callnext/koa';
import Koa from 'koa';
import {
  createOrder,
  inspect,
  layer,
  readItem,
  readProfile,
  streamReport,
} from './shop.js';
import { note } from './trace.js';

export const app = new Koa();
app.silent = true; // keeps Koa from printing errors to the console

app.use(new Router().get('/inspector', toKoa(inspect)).routes());
app.use(toKoa(layer));

const router = new Router();
router.get('/items/:id', toKoa(readItem));
router.get('/profile', toKoa(readProfile));
router.get('/report', toKoa(streamReport));
router.post('/orders', toKoa(createOrder));

// An old route that knows nothing of callnext.
router.get('/legacy', ctx => {
  note('native', 'ctx.body =');
  ctx.body = { ok: true };
});

app.use(router.routes());
