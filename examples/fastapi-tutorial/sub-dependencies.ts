// https://fastapi.tiangolo.com/tutorial/dependencies/sub-dependencies/
import { Depends, dependency, endpoint, Layer } from 'callnext';
import { Cookie, Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const optionalText = z.string().nullable().default(null);

const queryExtractor = dependency({ q: Query(optionalText) }, ({ q }) => q);

const queryOrCookieExtractor = dependency(
  {
    q: Depends(queryExtractor),
    lastQuery: Cookie(optionalText, { alias: 'last_query' }),
  },
  ({ q, lastQuery }) => q || lastQuery,
);

const readQuery = endpoint(
  { queryOrDefault: Depends(queryOrCookieExtractor) },
  ({ queryOrDefault }) => ({
    q_or_cookie: queryOrDefault,
  }),
);

// Once for each request, unless `useCache` is false.
let calls = 0;
const countCalls = () => {
  calls += 1;
  return calls;
};
const needy = endpoint(
  {
    first: Depends(countCalls),
    again: Depends(countCalls),
    fresh: Depends(countCalls, { useCache: false }),
  },
  ({ first, again, fresh }) => ({
    isSame: first === again,
    isFresh: fresh !== first,
  }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'get', path: '/items', endpoint: readQuery },
    { method: 'get', path: '/needy', endpoint: needy },
  ],
};
