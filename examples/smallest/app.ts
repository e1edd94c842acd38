import { Depends, endpoint, HTTPException, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

const layer = new Layer();

layer.addMiddleware(async (request, callNext) => {
  const start = performance.now();
  const response = await callNext(request); // even from a plain res.json()
  response.headers.set(
    'x-process-time',
    String((performance.now() - start) / 1000),
  );
  return response;
});

const items = new Map([['1', { id: '1', name: 'chair' }]]);

async function* getItems() {
  try {
    yield items;
  } finally {
    console.log('closed, now that the response is out');
  }
}

const readItem = endpoint(
  { items: Depends(getItems) },
  ({ items, request, backgroundTasks }) => {
    const item = items.get(request.pathParams.id ?? '');
    if (!item) throw new HTTPException(404, 'Item not found');
    backgroundTasks.addTask(
      console.log,
      'viewed, now that all is closed:',
      item.id,
    );
    return item; // plain data becomes a JSON response
  },
);

export const app = express();
app.use(toExpress(layer)); // what comes below keeps working, untouched
app.get('/items/:id', toExpress(readItem));
app.get('/legacy', (_req, res) => {
  res.json({ ok: true });
});
