import { endpoint, Layer, type Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

const allowOrigin: Middleware = async (request, callNext) => {
  // For a 500, which is made outside the middleware.
  request.errorHeaders.set('access-control-allow-origin', '*');
  const response = await callNext(request);
  // For every other response.
  response.headers.set('access-control-allow-origin', '*');
  return response;
};

export const app = express();
app.use(
  toExpress(new Layer({ middleware: [allowOrigin], onError: () => undefined })),
);
app.get('/fine', toExpress(endpoint({}, () => 'fine')));
app.get('/broken', (_req, _res) => {
  throw new Error('broken');
});
