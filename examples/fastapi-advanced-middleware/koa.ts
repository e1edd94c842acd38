import { toKoa } from 'callnext/koa';
import Koa from 'koa';
import { programs } from './main.js';

export const apps = Object.fromEntries(
  Object.entries(programs).map(([name, { layer, main }]) => [
    name,
    new Koa().use(toKoa(layer)).use(toKoa(main)).callback(),
  ]),
);
