import { Depends, endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { inspector } from 'callnext/inspector';
import express from 'express';

async function* getDb() {
  yield new Map([['1', 'chair']]);
}

const readItem = endpoint({ db: Depends(getDb) }, ({ db, request }) =>
  db.get(request.pathParams.id ?? ''),
);

export const inspect = inspector();

export const app = express();
app.use('/inspector', toExpress(inspect));
app.use(toExpress(new Layer()));
app.get('/items/:id', toExpress(readItem));
