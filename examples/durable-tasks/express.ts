import { toExpress } from 'callnext/express';
import express from 'express';
import { createOrder, createReminder, layer } from './shop.js';

export const app = express();
app.use(toExpress(layer));
app.post('/orders', toExpress(createOrder));
app.post('/reminders', toExpress(createReminder));
