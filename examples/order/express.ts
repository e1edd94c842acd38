import { toExpress } from 'callnext/express';
import express from 'express';
import {
  createOrder,
  inspect,
  layer,
  readItem,
  readProfile,
  streamReport,
} from './shop.js';
import { note } from './trace.js';

export const app = express();
app.set('env', 'test'); // keeps Express from printing errors to the console

app.use('/inspector', toExpress(inspect));
app.use(toExpress(layer));

app.get('/items/:id', toExpress(readItem));
app.get('/profile', toExpress(readProfile));
app.get('/report', toExpress(streamReport));
app.post('/orders', toExpress(createOrder));

// An old route that knows nothing of callnext.
app.get('/legacy', (_req, res) => {
  note('native', 'res.json()');
  res.json({ ok: true });
});
