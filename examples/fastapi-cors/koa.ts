import { toKoa } from 'callnext/koa';
import Koa from 'koa';
import { layer, main } from './main.js';

export const app = new Koa();
app.use(toKoa(layer));
app.use(toKoa(main));
