import Router from '@koa/router';
import { HTTPException } from 'callnext';
import { toKoa } from 'callnext/koa';
import Koa from 'koa';
import { layer, type OutOfStock, order } from './layer.js';

export const app = new Koa();
app.use(async (ctx, next) => {
  try {
    await next();
  } catch (thrown) {
    const { status = 500, message } = thrown as HTTPException | OutOfStock;
    ctx.status = status;
    ctx.body = { error: { status, message } };
    if (thrown instanceof HTTPException) ctx.set({ ...thrown.headers });
  }
});
app.use(toKoa(layer));
app.use(new Router().get('/orders/:item', toKoa(order)).routes());
