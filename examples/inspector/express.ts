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

export const app = express();
if (process.env.NODE_ENV !== 'production') {
  app.use('/inspector', toExpress(inspector()));
}
app.use(toExpress(new Layer()));
app.get('/items/:id', toExpress(readItem));
