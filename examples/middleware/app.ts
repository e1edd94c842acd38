import { Depends, endpoint, Layer } from 'callnext';
import { fromExpress, toExpress } from 'callnext/express';
import {
  AuthCredentials,
  authentication,
  requires,
  SimpleUser,
} from 'callnext/middleware/authentication';
import { cors } from 'callnext/middleware/cors';
import { gzip } from 'callnext/middleware/gzip';
import { requestId } from 'callnext/middleware/request-id';
import { sessions } from 'callnext/middleware/sessions';
import express from 'express';
import helmet from 'helmet';

declare module 'callnext' {
  interface Session {
    name?: string; // what this app stores in the session
  }
}

/** The user is the one who logged in. */
const backend = {
  authenticate({ session }: { session: { name?: string } }) {
    const { name } = session;
    return name === undefined
      ? null
      : ([new AuthCredentials(['member']), new SimpleUser(name)] as const);
  },
};

const layer = new Layer({
  middleware: [
    requestId(), // outermost: its header is on every response, errors included
    cors({
      allowOrigins: ['https://app.example'],
      allowCredentials: true,
      allowMethods: ['GET', 'POST'],
    }),
    gzip({ encodings: ['br', 'gzip'] }),
    fromExpress(helmet()), // an Express middleware, at this place
    sessions({ secretKey: ['the new secret', 'the one before'] }),
    authentication({ backend }), // reads the session, so it is inside
  ],
});

const login = endpoint({}, async ({ request }) => {
  const { name } = (await request.json()) as { name: string };
  request.session.name = name;
  return { welcome: name };
});

const readMe = endpoint(
  { member: Depends(requires('member')) },
  ({ request }) => ({
    name: request.user.displayName,
  }),
);

export const app = express();
app.use(toExpress(layer));
app.post('/login', toExpress(login));
app.get('/me', toExpress(readMe));
// The native routes below are for members.
app.use('/members', toExpress(Depends(requires('member'))));
app.get('/members/news', (_req, res) => {
  res.send('<h1>News</h1>'.repeat(100));
});
export const order = String(layer.describe());
