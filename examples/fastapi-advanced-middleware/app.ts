import { toExpress } from 'callnext/express';
import express from 'express';
import { programs } from './main.js';

export const apps = Object.fromEntries(
  Object.entries(programs).map(([name, { layer, main }]) => [
    name,
    express().use(toExpress(layer)).get('/', toExpress(main)),
  ]),
);
