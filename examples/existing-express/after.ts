import { Depends, type Injected, JSONResponse, Layer } from 'callnext';
import { errorBoundary, toExpress } from 'callnext/express';
import { processTime } from 'callnext/middleware/process-time';
import { requestId } from 'callnext/middleware/request-id';
import compression from 'compression';
import express, {
  type ErrorRequestHandler,
  type RequestHandler,
} from 'express';
import session from 'express-session';
import multer from 'multer';

declare module 'express-session' {
  interface SessionData {
    userId?: string;
  }
}

class DiskFull extends Error {
  readonly status = 507;
}

const users = new Map([['ada', { id: 'ada', name: 'Ada' }]]);
const notes: { owner: string; text: string; file?: string | undefined }[] = [];

// As passport does it: who is logged in is on the request.
const loadUser: RequestHandler = (req, res, next) => {
  res.locals.user = users.get(req.session.userId ?? '');
  next();
};
const loggedIn: RequestHandler = (_req, res, next) => {
  if (res.locals.user) next();
  else res.status(401).json({ error: 'Log in first' });
};
const renderError: ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(error.status ?? 500).json({ error: error.message });
};

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

export const app = express();
app.set('env', 'test');
app.use(toExpress(layer)); // everything below works as before
app.use(compression({ threshold: 100 }));
app.use('/static', express.static('docs'));
app.use(
  session({ secret: 'a secret', resave: false, saveUninitialized: false }),
);
app.use(express.json());
app.use(loadUser);
app.use('/notes', toExpress(Depends(audited, { scope: 'function' })));
app.post('/login', (req, res) => {
  const user = users.get(req.body.name);
  if (!user) return void res.status(403).json({ error: 'Nobody of that name' });
  req.session.userId = user.id;
  res.json(user);
});
app.get('/notes', loggedIn, (_req, res) => {
  res.json(notes.filter(({ owner }) => owner === res.locals.user.id));
});
app.post('/notes', loggedIn, multer().single('file'), (req, res) => {
  notes.push({
    owner: res.locals.user.id,
    text: req.body.text,
    file: req.file?.originalname,
  });
  res.status(201).json(notes.at(-1));
});
app.get('/broken', async () => {
  throw new DiskFull('The disk is full');
});
app.get('/long', (_req, res) => {
  res.type('text/plain').send('a long line of text\n'.repeat(1000));
});
app.use(errorBoundary(layer)); // before the app's own error middleware
app.use(renderError);
