import { toExpress } from 'callnext/express';
import express from 'express';
import { layer, order } from './layer.js';

export const app = express();
app.set('env', 'test');
app.use(toExpress(layer));
app.get('/orders/:item', toExpress(order));
app.use(((error, _req, res, _next) => {
  const { status = 500, headers = {}, message } = error;
  res.status(status).set(headers).json({ error: { status, message } });
}) as express.ErrorRequestHandler);
