import path from 'node:path';
import { bodyParser } from '@koa/bodyparser';
import multer from '@koa/multer';
import Router from '@koa/router';
import { Depends, type Injected, JSONResponse, Layer } from 'callnext';
import { toKoa } from 'callnext/koa';
import { processTime } from 'callnext/middleware/process-time';
import { requestId } from 'callnext/middleware/request-id';
import Koa from 'koa';
import compress from 'koa-compress';
import mount from 'koa-mount';
import session from 'koa-session';
import serve from 'koa-static';

class DiskFull extends Error {
  readonly status = 507;
}

const users = new Map([['ada', { id: 'ada', name: 'Ada' }]]);
const notes: { owner: string; text: string; file?: string | undefined }[] = [];

// One transaction a request. Scope `function`: it ends before the response.
export const journal: string[] = [];
async function* audited({ request }: Injected) {
  journal.push(`begin ${request.method}`);
  try {
    yield;
    journal.push('commit');
  } catch (error) {
    journal.push('rollback');
    throw error;
  }
}

const layer = new Layer({ middleware: [requestId(), processTime()] });
layer.addExceptionHandler(
  DiskFull,
  (_request, { message, status }) =>
    new JSONResponse(
      { error: message },
      { status, headers: { 'retry-after': '60' } },
    ),
);

const router = new Router();
router.use('/notes', toKoa(Depends(audited, { scope: 'function' })));
router.post('/login', ctx => {
  const { name } = ctx.request.body as { name: string };
  const user = users.get(name);
  if (!user) return ctx.throw(403, 'Nobody of that name');
  if (ctx.session) ctx.session.userId = user.id;
  ctx.body = user;
});
router.get('/notes', ctx => {
  ctx.body = notes.filter(({ owner }) => owner === ctx.state.user.id);
});
router.post('/notes', multer().single('file'), ctx => {
  const { text } = ctx.request.body as { text: string };
  notes.push({ owner: ctx.state.user.id, text, file: ctx.file?.originalname });
  ctx.status = 201;
  ctx.body = notes.at(-1);
});
router.get('/broken', () => {
  throw new DiskFull('The disk is full');
});
router.get('/long', ctx => {
  ctx.type = 'text/plain';
  ctx.body = 'a long line of text\n'.repeat(1000);
});

export const app = new Koa();
app.keys = ['a secret'];
app.silent = true;
app.use(async (ctx, next) => {
  try {
    await next();
  } catch (error) {
    const { status = 500, message } = error as Error & { status?: number };
    ctx.status = status;
    ctx.body = { error: message };
  }
});
app.use(toKoa(layer)); // everything below works as before
app.use(compress({ threshold: 100 }));
app.use(mount('/static', serve(path.resolve('docs'))));
app.use(session(app));
app.use(bodyParser());
// As passport does it: who is logged in is on the request.
app.use(async (ctx, next) => {
  ctx.state.user = users.get(ctx.session?.userId);
  if (ctx.path === '/notes' && !ctx.state.user) ctx.throw(401, 'Log in first');
  await next();
});
app.use(router.routes());
