// An app with a native handler and an endpoint; nothing in it knows of tracing.
import { Depends, endpoint, Layer, type Middleware } from 'callnext';
import { backgroundTasks, inject, toExpress } from 'callnext/express';
import { serverTiming } from 'callnext/middleware/server-timing';
import express from 'express';

const audit: Middleware = async function audit(_request, callNext) {
  return callNext();
};

async function* getTransaction() {
  yield { find: (id: string) => ({ id }) };
}
const transaction = Depends(getTransaction, { scope: 'function' });

function sendMail() {
  // Yours.
}

const readItem = endpoint(
  { transaction },
  function readItem({ transaction, request }) {
    return transaction.find(request.pathParams.id ?? '');
  },
);

const layer = new Layer({ middleware: [serverTiming(), audit] });

export const app = express();
app.set('env', 'test');
app.use(toExpress(layer));
app.get('/items/:id', toExpress(readItem));
app.post('/orders/:id', async (req, res) => {
  const { find } = await inject(req, transaction);
  backgroundTasks(req).addTask(sendMail);
  if (req.query.fail) throw new Error('out of stock');
  res.status(201).json(find(req.params.id));
});
