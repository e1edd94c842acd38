import Router from '@koa/router';
import { toKoa } from 'callnext/koa';
import Koa from 'koa';
import { createOrder, createReminder, layer } from './shop.js';

const router = new Router();
router.post('/orders', toKoa(createOrder));
router.post('/reminders', toKoa(createReminder));

export const app = new Koa();
app.use(toKoa(layer)).use(router.routes());
