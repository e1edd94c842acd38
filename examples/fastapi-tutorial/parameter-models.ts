// https://fastapi.tiangolo.com/tutorial/query-param-models/,
// cookie-param-models/ and header-param-models/
import { endpoint, Layer } from 'callnext';
import { Cookie, Header, Query } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const FilterParams = z.object({
  limit: z.int().gt(0).max(100).default(100),
  offset: z.int().min(0).default(0),
  order_by: z.enum(['created_at', 'updated_at']).default('created_at'),
  tags: z.array(z.string()).default([]),
});
const readItems = endpoint(
  { filterQuery: Query(FilterParams) },
  ({ filterQuery }) => filterQuery,
);

// "Forbid extra query parameters": model_config = {"extra": "forbid"}
const StrictFilter = z.strictObject(FilterParams.shape);
const readStrict = endpoint(
  { filterQuery: Query(StrictFilter) },
  ({ filterQuery }) => filterQuery,
);

const Cookies = z.strictObject({
  session_id: z.string(),
  fatebook_tracker: z.string().nullable().default(null),
  googall_tracker: z.string().nullable().default(null),
});
const readCookies = endpoint(
  { cookies: Cookie(Cookies) },
  ({ cookies }) => cookies,
);

const CommonHeaders = z.object({
  host: z.string(),
  save_data: z.boolean(),
  if_modified_since: z.string().nullable().default(null),
  traceparent: z.string().nullable().default(null),
  x_tag: z.array(z.string()).default([]),
});
const readHeaders = endpoint(
  { headers: Header(CommonHeaders) },
  ({ headers }) => headers,
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'get', path: '/items', endpoint: readItems },
    { method: 'get', path: '/strict', endpoint: readStrict },
    { method: 'get', path: '/cookies', endpoint: readCookies },
    { method: 'get', path: '/headers', endpoint: readHeaders },
  ],
};
