// Measures endpoints with declared parameters against the same schemas called by hand with the same coercion,
// in one process and without a socket. Prints JSON; run `npm run build` first.
import { Depends, endpoint, Layer } from 'callnext';
import { answerEndpoint, Exchange, Headers, Request, runExchange } from 'callnext/adapter';
import { Body, Header, Query } from 'callnext/params';
import { z } from 'zod';

const skip = z.int().min(0).default(0);
const limit = z.int().max(100).default(100);
const token = z.string().min(1);
const Paging = z.object({ skip, limit, tag: z.array(z.string()).default([]) });
const Item = z.object({ name: z.string().min(1), price: z.number().positive() });

/** What `callnext/params` does with a text, for an integer. */
const integer = text =>
  text !== undefined && /^[+-]?\d+(?:_\d+)*(?:\.0+)?$/.test(text.trim())
    ? Number(text.trim().replaceAll('_', ''))
    : text;

function valid(schema, value) {
  const result = schema['~standard'].validate(value);
  if (result.issues) throw new Error('invalid');
  return result.value;
}

const last = (query, name) => query.getAll(name).at(-1);

const cases = {
  'three values': {
    ours: endpoint(
      { skip: Query(skip), limit: Query(limit), xToken: Header(token) },
      given => given.skip + given.limit,
    ),
    byHand: endpoint({}, ({ request }) => {
      const { queryParams, headers } = request;
      const values = {
        skip: valid(skip, integer(last(queryParams, 'skip'))),
        limit: valid(limit, integer(last(queryParams, 'limit'))),
        xToken: valid(token, headers.get('x-token') ?? undefined),
      };
      return values.skip + values.limit;
    }),
  },
  'a model': {
    ours: endpoint({ paging: Query(Paging) }, ({ paging }) => paging.skip),
    byHand: endpoint({}, ({ request }) => {
      const given = Object.create(null);
      for (const name of new Set(request.queryParams.keys())) {
        if (name === 'tag') given.tag = request.queryParams.getAll('tag');
        else given[name] = integer(last(request.queryParams, name));
      }
      return valid(Paging, given).skip;
    }),
  },
  'a JSON body': {
    ours: endpoint({ item: Body(Item) }, ({ item }) => item.price),
    byHand: endpoint({}, async ({ request }) => valid(Item, await request.json()).price),
  },
  'a dependency without parameters': {
    ours: endpoint({ one: Depends(() => 1) }, ({ one }) => one),
    byHand: endpoint({}, () => 1),
  },
};

const bytes = new TextEncoder().encode('{"name":"Hammer","price":12.5}');
const source = () => ({
  method: 'POST',
  url: 'http://127.0.0.1/items?skip=5&limit=20&tag=a&tag=b',
  path: '/items',
  headers: new Headers({ 'content-type': 'application/json', 'x-token': 'secret' }),
  host: undefined,
  raw: undefined,
  client: null,
  pathParams: {},
  signal: new AbortController().signal,
  maxBodySize: 1 << 20,
  bodyLimit: Number.POSITIVE_INFINITY,
  body: () => bytes,
  parsedBody: () => undefined,
});

const layer = new Layer();
const transport = {
  send: async response => {
    if (response.status !== 200) throw new Error(await response.text());
    return { outcome: 'sent' };
  },
  fail: async error => {
    throw error;
  },
};

async function run(target, times) {
  const before = process.cpuUsage();
  for (let index = 0; index < times; index += 1) {
    const exchange = new Exchange(new Request(source()), transport);
    await runExchange(exchange, layer, () => answerEndpoint(exchange, target));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

const rounds = 15;
const warmUp = 3;
const times = Number(process.argv[2] ?? 8000);

async function compare(title, { ours, byHand }) {
  const results = [];
  for (let round = -warmUp; round < rounds; round += 1) {
    const base = await run(byHand, times);
    const own = await run(ours, times);
    if (round >= 0) results.push({ base, ours: own });
  }
  return { title, rounds: results };
}

const compared = [];
for (const [title, each] of Object.entries(cases)) compared.push(await compare(title, each));
console.log(JSON.stringify(compared));
