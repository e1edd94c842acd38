// One format for all errors of guards, endpoints and native routes.
import { Depends, HTTPException, JSONResponse, Layer } from 'callnext';
import { errorBoundary, toExpress } from 'callnext/express';
import express from 'express';

export const reported: unknown[] = [];
const layer = new Layer({ onError: error => void reported.push(error) });

layer.addExceptionHandler(
  HTTPException,
  (_request, { status, detail, headers }) =>
    new JSONResponse(
      { error: { status, message: detail } },
      { status, headers },
    ),
);
layer.addExceptionHandler(
  Error,
  () =>
    new JSONResponse(
      { error: { status: 500, message: 'Internal error' } },
      { status: 500 },
    ),
);

function adminsOnly() {
  throw new HTTPException(403, 'Admins only');
}

export const app = express();
app.use(toExpress(layer));
app.use('/admin', toExpress(Depends(adminsOnly)));
app.get('/broken', () => {
  throw new Error('the database is gone'); // reported to onError, not shown
});
app.use(errorBoundary(layer)); // after the routes
