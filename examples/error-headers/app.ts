import { endpoint, Layer, type Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

const allowOrigin: Middleware = async (request, callNext) => {
  request.errorHeaders.set('access-control-allow-origin', '*'); // for a 500, which is made outside the middleware
  const response = await callNext(request);
  response.headers.set('access-control-allow-origin', '*'); // for every other response
  return response;
};

export const app = express();
app.use(toExpress(new Layer({ middleware: [allowOrigin], onError: () => undefined })));
app.get('/fine', toExpress(endpoint({}, () => 'fine')));
app.get('/broken', (_req, _res) => {
  throw new Error('broken');
});
