// https://fastapi.tiangolo.com/tutorial/handling-errors/
import {
  endpoint,
  HTTPException,
  JSONResponse,
  Layer,
  PlainTextResponse,
} from 'callnext';
import { Body, Path, RequestValidationError } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const items: Record<string, string> = { foo: 'The Foo Wrestlers' };

const itemId = Path({ alias: 'item_id' });
const readItem = endpoint({ itemId }, ({ itemId }) => {
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

const readUnicorn = endpoint({ name: Path() }, ({ name }) => {
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

// "Override request validation exceptions" and "Override the HTTPException error
// handler": for one layer, as a second app has it there.
const plain = new Layer();
plain.addExceptionHandler(RequestValidationError, (_request, exc) => {
  const lines = exc
    .errors()
    .map(({ loc, msg }) => `\nField: ${loc.join('.')}, Error: ${msg}`);
  return new PlainTextResponse(`Validation errors:${lines.join('')}`, {
    status: 400,
  });
});
plain.addExceptionHandler(
  HTTPException,
  (_request, exc) =>
    new PlainTextResponse(String(exc.detail), { status: exc.statusCode }),
);
const readPlain = endpoint(
  { itemId: Path(z.int(), { alias: 'item_id' }) },
  ({ itemId }) => {
    if (itemId === 3) throw new HTTPException(418, "Nope! I don't like 3.");
    return { item_id: itemId };
  },
);

// "Use the RequestValidationError body"
const withBody = new Layer();
withBody.addExceptionHandler(
  RequestValidationError,
  (_request, exc) =>
    new JSONResponse({ detail: exc.errors(), body: exc.body }, { status: 422 }),
);
const Item = z.object({ title: z.string(), size: z.int() });
const createItem = endpoint({ item: Body(Item) }, ({ item }) => item);

export const page: Page = {
  layer,
  routes: [
    { method: 'get', path: '/items/:item_id', endpoint: readItem },
    { method: 'get', path: '/items-header/:item_id', endpoint: readItemHeader },
    { method: 'get', path: '/unicorns/:name', endpoint: readUnicorn },
  ],
};
export const plainPage: Page = {
  layer: plain,
  routes: [{ method: 'get', path: '/items/:item_id', endpoint: readPlain }],
};
export const bodyPage: Page = {
  layer: withBody,
  routes: [{ method: 'post', path: '/items', endpoint: createItem }],
};
