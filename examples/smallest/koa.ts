import { endpoint, Layer } from 'callnext';
import { toKoa } from 'callnext/koa';
import Koa from 'koa';

const layer = new Layer();
const hello = endpoint({}, ({ request }) => ({
  hello: request.queryParams.get('name'),
}));

export const app = new Koa();
app.use(toKoa(layer));
app.use((ctx, next) =>
  ctx.path === '/hello' ? toKoa(hello)(ctx, next) : next(),
);
