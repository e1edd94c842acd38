// Validates a request with zod; any validator with a `safeParse` or a `parse` fits in the same way.
import {
  Depends,
  endpoint,
  HTTPException,
  type Injected,
  Layer,
} from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';
import { z } from 'zod';

/** A dependency that returns the JSON body, validated and typed. */
function bodyOf<T>(schema: z.ZodType<T>) {
  return Depends(async function validBody({ request }: Injected) {
    const result = schema.safeParse(await request.json());
    if (!result.success) throw new HTTPException(422, result.error.issues);
    return result.data;
  });
}

const NewItem = z.object({ name: z.string().min(1), price: z.number() });

const createItem = endpoint(
  { item: bodyOf(NewItem) },
  ({ item }) => ({ name: item.name, price: item.price }), // `item` is typed
  { status: 201 },
);

export const app = express();
app.use(toExpress(new Layer()));
app.post('/items', toExpress(createItem));
