// https://fastapi.tiangolo.com/tutorial/response-model/ and extra-models/
import { endpoint, Layer } from 'callnext';
import { Body, Path } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const UserIn = z.object({
  username: z.string(),
  password: z.string(),
  email: z.email(),
  full_name: z.string().nullable().default(null),
});
const UserOut = UserIn.omit({ password: true });

// "Return type and data filtering": the password is not sent.
const createUser = endpoint({ user: Body(UserIn) }, ({ user }) => user, {
  responseModel: UserOut,
  status: 201,
});

// "Union or anyOf"
const Vehicle = z.discriminatedUnion('type', [
  z.object({ type: z.literal('car'), description: z.string() }),
  z.object({
    type: z.literal('plane'),
    description: z.string(),
    size: z.int(),
  }),
]);
const vehicles: Record<string, z.input<typeof Vehicle>> = {
  item1: { description: 'All my friends drive a low rider', type: 'car' },
  item2: { description: 'Music is my aeroplane', type: 'plane', size: 5 },
};
const readVehicle = endpoint(
  { id: Path(z.enum(['item1', 'item2'])) },
  ({ id }) => vehicles[id] as z.input<typeof Vehicle>,
  { responseModel: Vehicle },
);

// "Response with arbitrary dict"
const readWeights = endpoint({}, () => ({ foo: 2.3, bar: 3.4 }), {
  responseModel: z.record(z.string(), z.number()),
});

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'post', path: '/user', endpoint: createUser },
    { method: 'get', path: '/vehicles/:id', endpoint: readVehicle },
    { method: 'get', path: '/keyword-weights', endpoint: readWeights },
  ],
};
