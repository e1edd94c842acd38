import { endpoint, HTTPException, Layer, Response } from 'callnext';

/** An error of the app's own: `status` and `headers` are what Express and Koa read. */
export class OutOfStock extends Error {
  readonly status = 409;
  readonly expose = true;
}

export const layer = new Layer();
layer.addExceptionHandler(HTTPException, (_request, exception) => {
  const { status, headers } = exception;
  // A redirect is not an error.
  if (status < 400) return new Response(null, { status, headers });
  throw exception; // passes to the app's error middleware
});

export const order = endpoint({}, ({ request }) => {
  const item = request.pathParams.item ?? '';
  if (item === 'old')
    throw new HTTPException(303, undefined, {
      headers: { location: '/orders/new' },
    });
  if (item === 'none')
    throw new HTTPException(404, 'No such item', {
      headers: { 'x-hint': 'new' },
    });
  if (item === 'chair') throw new OutOfStock('No chairs left');
  return { item };
});
