// https://fastapi.tiangolo.com/tutorial/handling-errors/
import {
  endpoint,
  HTTPException,
  JSONResponse,
  Layer,
  PlainTextResponse,
} from 'callnext';
import type { Page } from './page.js';

const items: Record<string, string> = { foo: 'The Foo Wrestlers' };

const readItem = endpoint({}, ({ request }) => {
  const { itemId = '' } = request.pathParams;
  if (!Object.hasOwn(items, itemId))
    throw new HTTPException(404, 'Item not found');
  return { item: items[itemId] };
});

// "Add custom headers"
const readItemHeader = endpoint({}, () => {
  throw new HTTPException(404, 'Item not found', {
    headers: { 'X-Error': 'There goes my error' },
  });
});

// "Install custom exception handlers"
class UnicornException extends Error {
  override readonly name: string;

  constructor(name: string) {
    super(name);
    this.name = name;
  }
}

const readUnicorn = endpoint({}, ({ request }) => {
  const { name = '' } = request.pathParams;
  if (name === 'yolo') throw new UnicornException(name);
  return { unicorn_name: name };
});

const layer = new Layer();
layer.addExceptionHandler(
  UnicornException,
  (_request, exc) =>
    new JSONResponse(
      { message: `Oops! ${exc.name} did something. There goes a rainbow...` },
      { status: 418 },
    ),
);

// "Override the HTTPException error handler": for one layer, as a second app has it there.
const plain = new Layer();
plain.addExceptionHandler(
  HTTPException,
  (_request, exc) =>
    new PlainTextResponse(String(exc.detail), { status: exc.statusCode }),
);
const readPlain = endpoint({}, ({ request }) => {
  if (request.pathParams.itemId === '3')
    throw new HTTPException(418, "Nope! I don't like 3.");
  return { item_id: Number(request.pathParams.itemId) };
});

export const page: Page = {
  layer,
  routes: [
    { method: 'get', path: '/items/:itemId', endpoint: readItem },
    { method: 'get', path: '/items-header/:itemId', endpoint: readItemHeader },
    { method: 'get', path: '/unicorns/:name', endpoint: readUnicorn },
  ],
};
export const plainPage: Page = {
  layer: plain,
  routes: [{ method: 'get', path: '/items/:itemId', endpoint: readPlain }],
};
