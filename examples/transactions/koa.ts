import Router from '@koa/router';
import { toKoa } from 'callnext/koa';
import Koa from 'koa';
import { createOrder, layer, listOrders } from './shop.js';

const router = new Router();
router.post('/orders', toKoa(createOrder)).get('/orders', toKoa(listOrders));

export const app = new Koa();
app.use(toKoa(layer)).use(router.routes());
