import { Depends, endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

export async function* getDb() {
  yield { names: ['chair'] };
}

async function notify(name: string): Promise<void> {
  console.log('added', name);
}

const addItem = endpoint(
  { db: Depends(getDb) },
  async function addItem({ db, request, backgroundTasks }) {
    const { name } = (await request.json()) as { name: string };
    db.names.push(name);
    backgroundTasks.addTask(notify, name);
    return { count: db.names.length };
  },
  { status: 201 },
);

export const layer = new Layer({
  middleware: [
    function audit(request, callNext) {
      return callNext(request);
    },
  ],
});

export const app = express();
app.use(toExpress(layer));
app.post('/items', toExpress(addItem));
