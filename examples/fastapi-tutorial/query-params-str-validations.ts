// https://fastapi.tiangolo.com/tutorial/query-params-str-validations/
import { endpoint, Layer } from 'callnext';
import { Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const items = [{ item_id: 'Foo' }, { item_id: 'Bar' }];

// "Add regular expressions": q: Annotated[str | None, Query(pattern=…)] = None
const FixedQuery = z
  .string()
  .min(3)
  .max(50)
  .regex(/^fixedquery$/)
  .optional();
const readItems = endpoint(
  { q: Query(FixedQuery, { alias: 'item-query' }) },
  ({ q }) => ({ items, ...(q && { q }) }),
);

// "Default values" and "Required parameters"
const readDefault = endpoint(
  { q: Query(z.string().min(3).default('fixedquery')) },
  ({ q }) => ({ items, q }),
);
const readRequired = endpoint({ q: Query(z.string().min(3)) }, ({ q }) => ({
  items,
  q,
}));

// "Query parameter list / multiple values with defaults"
const readList = endpoint(
  { q: Query(z.array(z.string()).default(['foo', 'bar'])) },
  ({ q }) => ({ q }),
);

// "Custom validation"
const books: Record<string, string> = {
  'isbn-9781529046137': "The Hitchhiker's Guide to the Galaxy",
};
const BookId = z
  .string()
  .refine(
    id => /^(isbn|imdb)-/.test(id),
    'Invalid ID format, it must start with "isbn-" or "imdb-"',
  );
const readBook = endpoint({ id: Query(BookId) }, ({ id }) => ({
  id,
  name: books[id] ?? null,
}));

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'get', path: '/items', endpoint: readItems },
    { method: 'get', path: '/default', endpoint: readDefault },
    { method: 'get', path: '/required', endpoint: readRequired },
    { method: 'get', path: '/list', endpoint: readList },
    { method: 'get', path: '/books', endpoint: readBook },
  ],
};
