import Router from '@koa/router';
import { inspector } from 'callnext/inspector';
import { toKoa } from 'callnext/koa';
import Koa from 'koa';

const token = process.env.INSPECTOR_TOKEN ?? 'only for this example';

export const inspect = inspector({
  allow: request => request.headers.get('authorization') === `Bearer ${token}`,
  limit: 200,
});

const tools = new Router();
tools.get('/inspector', toKoa(inspect));

export const app = new Koa();
app.use(tools.routes());
