// tutorial/response-model, tutorial/extra-models and tutorial/response-status-code
import { endpoint, RedirectResponse, Response } from 'callnext';
import { Body, Path, Query } from 'callnext/params';
import { z } from 'zod';
import { missing } from './expected.js';
import { answers, get, json, type Page, post, refuses } from './page.js';

const Item = z.object({
  name: z.string(),
  description: z.string().nullable().default(null),
  price: z.number(),
  tax: z.number().nullable().default(null),
  tags: z.array(z.string()).default([]),
});
const UserIn = z.object({
  username: z.string(),
  password: z.string(),
  full_name: z.string().nullable().default(null),
});
const UserOut = UserIn.omit({ password: true });
const Vehicle = z.discriminatedUnion('type', [
  z.object({ type: z.literal('car'), description: z.string() }),
  z.object({ type: z.literal('plane'), description: z.string(), size: z.int() }),
]);
const vehicles = {
  item1: { description: 'All my friends drive a low rider', type: 'car' as const, size: 5 },
  item2: { description: 'Music is my aeroplane', type: 'plane' as const, size: 5 },
};
const gun = { name: 'Portal Gun', description: null, price: 42, tax: null, tags: [] };
const grave = { username: 'foo', full_name: 'Grave Dohl' };

export const responseModel: Page = {
  name: 'response model',
  routes: [
    [
      'get',
      '/items',
      endpoint(
        {},
        () => [
          { name: 'Portal Gun', price: 42 },
          { name: 'Plumbus', price: 32 },
        ],
        {
          responseModel: z.array(Item),
        },
      ),
    ],
    [
      'post',
      '/items',
      endpoint({ item: Body(Item) }, ({ item }) => item, { responseModel: Item, status: 201 }),
    ],
    ['post', '/user', endpoint({ user: Body(UserIn) }, ({ user }) => user, { responseModel: UserOut })],
    [
      'get',
      '/name',
      endpoint({}, () => ({ ...gun, secret: 1 }), { responseModel: Item.pick({ name: true }) }),
    ],
    ['get', '/any', endpoint({}, () => ({ ...gun, secret: 1 }))],
    [
      'get',
      '/vehicles/:id',
      endpoint({ id: Path(z.enum(['item1', 'item2'])) }, ({ id }) => vehicles[id], {
        responseModel: Vehicle,
      }),
    ],
    [
      'get',
      '/weights',
      endpoint({}, () => ({ foo: 2.3, bar: 3.4 }), { responseModel: z.record(z.string(), z.number()) }),
    ],
    [
      'get',
      '/portal',
      endpoint(
        { teleport: Query(z.boolean().default(false)) },
        ({ teleport }) =>
          teleport
            ? new RedirectResponse('https://example.com/')
            : Response.json({ message: "Here's your interdimensional portal." }),
        { responseModel: z.object({ message: z.string().max(3) }) },
      ),
    ],
    ['get', '/empty', endpoint({}, () => null, { responseModel: z.null() })],
    ['post', '/created', endpoint({ name: Query() }, ({ name }) => ({ name }), { status: 201 })],
  ],
  rows: [
    answers(get('/items'), [gun, { ...gun, name: 'Plumbus', price: 32 }]),
    [post('/items', json({ name: 'Foo', price: 1, extra: 1 })), 201, { ...gun, name: 'Foo', price: 1 }],
    refuses(post('/items', json({ name: 'Foo' })), missing(['body', 'price'], { name: 'Foo' })),
    answers(post('/user', json({ ...grave, password: 'fighter' })), grave),
    refuses(post('/user', json(grave)), missing(['body', 'password'], grave)),
    answers(get('/name'), { name: 'Portal Gun' }),
    answers(get('/any'), { ...gun, secret: 1 }),
    answers(get('/vehicles/item1'), { description: 'All my friends drive a low rider', type: 'car' }),
    answers(get('/vehicles/item2'), vehicles.item2),
    answers(get('/weights'), { foo: 2.3, bar: 3.4 }),
    answers(get('/portal'), { message: "Here's your interdimensional portal." }),
    [get('/portal?teleport=true'), 307, ''],
    answers(get('/empty'), null),
    [post('/created?name=Foo'), 201, { name: 'Foo' }],
  ],
};
