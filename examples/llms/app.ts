import { Depends, endpoint, HTTPException, Layer } from 'callnext';
import { backgroundTasks, inject, toExpress } from 'callnext/express';
import express from 'express';

export const log: string[] = [];
const names = new Map([['1', 'chair']]);

const layer = new Layer();
layer.addMiddleware(async function timing(request, callNext) {
  const start = performance.now();
  const response = await callNext(request);
  const seconds = (performance.now() - start) / 1000;
  response.headers.set('x-process-time', String(seconds));
  return response;
});

async function* getDb() {
  const db = { find: (id = '') => names.get(id) };
  try {
    yield db;
  } finally {
    log.push('the connection is released');
  }
}

function recordView(name: string) {
  log.push(`${name} was viewed`);
}

const readItem = endpoint(
  { db: Depends(getDb) },
  ({ db, request, backgroundTasks }) => {
    const name = db.find(request.pathParams.id);
    if (!name) throw new HTTPException(404, 'Item not found');
    backgroundTasks.addTask(recordView, name);
    return { name };
  },
);

export const app = express();
app.use(toExpress(layer));
app.get('/items/:id', toExpress(readItem));

app.get('/names/:id', async (req, res) => {
  const db = await inject(req, Depends(getDb));
  const name = db.find(req.params.id) ?? 'nothing';
  backgroundTasks(req).addTask(recordView, name);
  res.json({ name });
});
