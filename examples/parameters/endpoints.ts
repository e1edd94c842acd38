// What an endpoint needs from a request, declared: docs/guides/parameters.md
import { Depends, dependency, endpoint, HTTPException } from 'callnext';
import { Body, Cookie, File, Form, Header, Path, Query } from 'callnext/params';
import { z } from 'zod';

const Item = z.object({
  name: z.string().min(1),
  price: z.number().positive(),
  tags: z.array(z.string()).default([]),
});
const items = new Map<number, z.infer<typeof Item>>();

export const updateItem = endpoint(
  {
    itemId: Path(z.int().min(1), { alias: 'item_id' }),
    item: Body(Item),
    dryRun: Query(z.boolean().default(false), { alias: 'dry-run' }),
  },
  // Typed by inference: a number, an item, a boolean.
  ({ itemId, item, dryRun }) => {
    if (!dryRun) items.set(itemId, item);
    return { id: itemId, ...item };
  },
);

export const search = endpoint(
  {
    q: Query(), // string: required
    after: Query(z.iso.date().optional()), // string | undefined
    limit: Query(z.int().max(100).default(10)), // number
    order: Query(z.enum(['name', 'price']), { default: null }), // 'name' | 'price' | null
    tag: Query(z.array(z.string()).default([])), // string[]: ?tag=a&tag=b
  },
  ({ q, after, limit, order, tag }) => ({ q, after, limit, order, tag }),
);

const Paging = z.strictObject({
  skip: z.int().min(0).default(0),
  limit: z.int().max(100).default(100),
  tag: z.array(z.string()).default([]),
});

export const listItems = endpoint(
  { paging: Query(Paging) },
  ({ paging }) => paging, // { skip: number, limit: number, tag: string[] }
);

const names = new Map([['secret', 'ada']]);

export const getUser = dependency(
  {
    xToken: Header(), // the header `x-token`
    theme: Cookie(z.enum(['dark', 'light']).default('light')),
  },
  ({ xToken, theme }) => {
    const name = names.get(xToken);
    if (name === undefined) throw new HTTPException(401, 'Unknown token');
    return { name, theme };
  },
);

export const readMe = endpoint({ user: Depends(getUser) }, ({ user }) => user);

const Buyer = z.object({ name: z.string() });

export const buy = endpoint(
  { item: Body(Item), buyer: Body(Buyer), note: Body(z.string().optional()) },
  ({ item, buyer, note }) => ({ bought: item.name, by: buyer.name, note }),
);

export const upload = endpoint(
  {
    title: Form(z.string().max(80)),
    report: File(),
    pictures: File({ multiple: true, default: [] }),
  },
  async ({ title, report, pictures }) => ({
    title,
    size: (await report.bytes()).length,
    pictures: pictures.map(file => file.name),
  }),
);

const chair = { name: 'chair', price: 50, boughtFor: 20 };

export const readChair = endpoint({}, () => chair, { responseModel: Item });
