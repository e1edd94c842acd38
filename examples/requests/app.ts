import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  EventSourceResponse,
  endpoint,
  HTTPException,
  Layer,
  ServerSentEvent,
  UploadFile,
} from 'callnext';
import { mountFetch, toExpress } from 'callnext/express';
import express from 'express';
import { Hono } from 'hono';

const secret = 'a secret shared with the sender';

/** Verifies the signature over the exact bytes, after a parser has read them. */
const webhook = endpoint({}, async ({ request }) => {
  const expected = createHmac('sha256', secret)
    .update(await request.bytes())
    .digest();
  const given = Buffer.from(request.headers.get('x-signature') ?? '', 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new HTTPException(401, 'Not signed');
  return request.json();
});

const upload = endpoint({}, async ({ request }) => {
  const form = await request.form({ maxFiles: 1 });
  const file = form.get('report');
  if (!(file instanceof UploadFile)) throw new HTTPException(422, 'No report');
  return { name: file.filename, size: file.size };
});

const countdown = endpoint({}, ({ request }) => {
  const last = Number(request.headers.get('last-event-id') ?? 4);
  function* events() {
    for (let left = last - 1; left > 0; left -= 1)
      yield new ServerSentEvent({ data: { left }, id: String(left) });
  }
  return new EventSourceResponse(events());
});

const hono = new Hono().basePath('/api');
hono.post('/echo', async context => context.json(await context.req.json()));

export const app = express();
// Bytes of a body held in memory for several readers.
app.use(toExpress(new Layer({ maxBodySize: 100_000 })));
app.use(express.json());
app.post('/webhook', toExpress(webhook));
app.post('/upload', toExpress(upload));
app.get('/countdown', toExpress(countdown));
app.use('/api', mountFetch(hono.fetch)); // works after express.json()
