// https://fastapi.tiangolo.com/tutorial/middleware/
import { endpoint, Layer } from 'callnext';
import type { Page } from './page.js';

const layer = new Layer();

layer.addMiddleware(async function addProcessTimeHeader(request, callNext) {
  const startTime = performance.now();
  const response = await callNext(request);
  const processTime = (performance.now() - startTime) / 1000;
  response.headers.set('X-Process-Time', String(processTime));
  return response;
});

const main = endpoint({}, () => ({ message: 'Hello World' }));

export const page: Page = {
  layer,
  routes: [{ method: 'get', path: '/', endpoint: main }],
};
