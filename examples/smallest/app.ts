import { Depends, endpoint, HTTPException, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

const layer = new Layer();

layer.addMiddleware(async (request, callNext) => {
  const start = performance.now();
  const response = await callNext(request);
  const seconds = (performance.now() - start) / 1000;
  response.headers.set('x-process-time', String(seconds));
  return response;
});

const items = new Map([['1', { id: '1', name: 'chair' }]]);

async function* getItems() {
  try {
    yield items;
  } finally {
    console.log('closed: the response has been sent');
  }
}

const readItem = endpoint(
  { items: Depends(getItems) },
  ({ items, request, backgroundTasks }) => {
    const item = items.get(request.pathParams.id ?? '');
    if (!item) throw new HTTPException(404, 'Item not found');
    backgroundTasks.addTask(console.log, 'viewed:', item.id);
    return item; // plain data becomes a JSON response
  },
);

export const app = express();
app.use(toExpress(layer)); // existing routes work unchanged
app.get('/items/:id', toExpress(readItem));
app.get('/legacy', (_req, res) => {
  res.json({ ok: true });
});
