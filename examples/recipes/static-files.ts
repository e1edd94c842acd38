// Static files with a header of a middleware, and one file behind a guard.
import {
  Depends,
  endpoint,
  FileResponse,
  HTTPException,
  type Injected,
  Layer,
} from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

const layer = new Layer();
layer.addMiddleware(async function allowEmbedding(request, callNext) {
  const response = await callNext(request);
  response.headers.set('cross-origin-resource-policy', 'cross-origin');
  return response;
});

function verifyKey({ request }: Injected) {
  if (request.queryParams.get('key') !== 'secret') throw new HTTPException(403);
}

const download = endpoint(
  { key: Depends(verifyKey) },
  () => new FileResponse('LICENSE', { filename: 'licence.txt' }),
);

export const app = express();
app.use(toExpress(layer));
app.use('/docs', express.static('docs')); // ranges, etags and 304s as before
app.get('/download', toExpress(download));
