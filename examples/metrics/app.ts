import { endpoint, type Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

/** How many requests there were, by method, route and status: what a metrics library counts. */
export const requests = new Map<string, number>();

const counting: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  const template = String(request.route ?? 'none'); // '/users/:user/items/:id'
  const label = `${request.method} ${template} ${response.status}`;
  requests.set(label, (requests.get(label) ?? 0) + 1);
  return response;
};

const items = express.Router();
items.get(
  '/items/:id',
  toExpress(endpoint({}, ({ request }) => request.pathParams.id)),
);

export const app = express();
app.use(toExpress(counting));
app.use('/users/:user', items);
