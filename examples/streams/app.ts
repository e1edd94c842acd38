import {
  Depends,
  EventSourceResponse,
  endpoint,
  HTTPException,
  type Injected,
  Layer,
  ServerSentEvent,
} from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

interface Order {
  readonly id: number;
  readonly item: string;
}

/**
 * Stands for a database: its rows arrive one by one, and its cursor must be
 * closed.
 */
export const cursors = { open: 0 };
async function* getOrders() {
  const rows: Order[] = [
    { id: 1, item: 'chair' },
    { id: 2, item: 'table' },
  ];
  cursors.open += 1;
  try {
    yield rows;
  } finally {
    cursors.open -= 1;
  }
}

const exportOrders = endpoint(
  { orders: Depends(getOrders) },
  async function* ({ orders, response }) {
    // Before the first value, this is a normal 404.
    if (orders.length === 0) throw new HTTPException(404, 'No orders');
    response.headers.set(
      'content-disposition',
      'attachment; filename="orders.jsonl"',
    );
    for (const order of orders) yield order; // {"id":1,"item":"chair"}⏎
  },
);

const countdown = endpoint({}, function* ({ request }) {
  const last = Number(request.headers.get('last-event-id') ?? 4);
  for (let left = last - 1; left > 0; left -= 1)
    yield new ServerSentEvent({ data: { left }, id: String(left) });
});

const complete = endpoint({}, async function* () {
  for (const word of ['Once ', 'upon ', 'a ', 'time']) yield word; // as a language model gives them
});

function checkSymbol({ request }: Injected): string {
  const { symbol } = request.pathParams;
  if (symbol !== 'ACME') throw new HTTPException(404, 'No such symbol');
  return symbol;
}

const quotes = endpoint(
  { symbol: Depends(checkSymbol) },
  async function* ({ symbol }) {
    yield { symbol, price: 12 }; // data: {"symbol":"ACME","price":12}
  },
  { responseClass: EventSourceResponse },
);

export const app = express();
app.use(toExpress(new Layer()));
app.get('/orders', toExpress(exportOrders));
app.get('/countdown', toExpress(countdown));
app.get('/completion', toExpress(complete));
app.get('/quotes/:symbol', toExpress(quotes));
