// Validates what a native route needs; an endpoint declares the same parameters.
import { Layer } from 'callnext';
import { inject, toExpress } from 'callnext/express';
import { Body, Query } from 'callnext/params';
import express from 'express';
import { z } from 'zod';

const NewItem = z.object({ name: z.string().min(1), price: z.number() });
const needed = {
  item: Body(NewItem),
  dryRun: Query(z.boolean().default(false), { alias: 'dry-run' }),
};
const stored: z.infer<typeof NewItem>[] = [];

export const app = express();
app.use(toExpress(new Layer()));
app.post('/items', async (req, res) => {
  const { item, dryRun } = await inject(req, needed); // typed
  if (!dryRun) stored.push(item);
  res.status(201).json({ ...item, stored: stored.length });
});
