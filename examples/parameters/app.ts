import Router from '@koa/router';
import { Depends, JSONResponse, Layer } from 'callnext';
import { inject, toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { Query, RequestValidationError } from 'callnext/params';
import express from 'express';
import Koa from 'koa';
import { z } from 'zod';
import * as endpoints from './endpoints.js';
import * as models from './models.js';

export const app = express();
app.put('/items/:item_id', toExpress(endpoints.updateItem));
app.get('/items', toExpress(endpoints.listItems));
app.get('/search', toExpress(endpoints.search));
app.get('/me', toExpress(endpoints.readMe));
app.post('/purchases', toExpress(endpoints.buy));
app.post('/uploads', toExpress(endpoints.upload));
app.get('/chair', toExpress(endpoints.readChair));
app.post('/stays', toExpress(models.book));
app.put('/item', toExpress(models.replaceItem));
app.patch('/item', toExpress(models.changeItem));
app.get('/launch', toExpress(models.readLaunch));
app.get('/note', toExpress(models.readNote));

// A guard for native routes, and a parameter of one.
app.use('/admin', toExpress(Depends(endpoints.getUser)));
app.get('/admin/report', async (req, res) => {
  const limit = await inject(req, Query(z.int(), { alias: 'limit' }));
  res.json({ limit }); // a number
});

const router = new Router();
router.put('/items/:item_id', toKoa(endpoints.updateItem));
router.get('/items', toKoa(endpoints.listItems));

export const koaApp = new Koa().use(router.routes());

const layer = new Layer();
layer.addExceptionHandler(RequestValidationError, (_request, error) => {
  const problems = error.errors().map(({ loc, msg }) => ({ loc, msg }));
  return new JSONResponse({ problems }, { status: 400 });
});

export const appWithOwnErrors = express();
appWithOwnErrors.use(toExpress(layer));
appWithOwnErrors.put('/items/:item_id', toExpress(endpoints.updateItem));
