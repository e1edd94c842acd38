import { toExpress } from 'callnext/express';
import express from 'express';
import { createOrder, layer, listOrders } from './shop.js';

export const app = express();
app.use(toExpress(layer));
app.post('/orders', toExpress(createOrder));
app.get('/orders', toExpress(listOrders));
