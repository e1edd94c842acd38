import { toExpress } from 'callnext/express';
import express from 'express';
import { layer, main } from './main.js';

export const app = express();
app.use(toExpress(layer));
app.get('/', toExpress(main));
