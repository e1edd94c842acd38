import { Depends, HTTPException, type Injected, Layer } from 'callnext';
import { inject, toExpress } from 'callnext/express';
import express, { type ErrorRequestHandler } from 'express';

const orders = [{ id: 1, item: 'chair' }];
export const journal: string[] = [];

async function* getTransaction() {
  journal.push('begin');
  try {
    yield { orders };
    journal.push('commit'); // after the response
  } catch (error) {
    journal.push('rollback'); // the handler failed or answered with a 5xx
    throw error;
  }
}

function verifyToken({ request }: Injected) {
  if (request.headers.get('authorization') !== 'Bearer secret')
    throw new HTTPException(401, 'No token');
}

const layer = new Layer({ timeout: 30_000 }); // milliseconds, then a 504

export const app = express();
app.use(toExpress(layer));
app.use('/admin', toExpress(Depends(verifyToken))); // a guard
app.get('/admin/orders', async (req, res) => {
  // On Koa: inject(ctx, …)
  const transaction = await inject(req, Depends(getTransaction));
  if (req.query.fail) throw new HTTPException(409, 'Out of stock');
  res.json(transaction.orders);
});
const renderError: ErrorRequestHandler = (error, _req, res, _next) => {
  // Sent after the transaction has rolled back.
  res.status(error.status ?? 500).json({ error: error.message });
};
app.use(renderError);
