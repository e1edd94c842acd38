// tutorial/query-param-models, tutorial/header-param-models and tutorial/cookie-param-models
import { endpoint } from 'callnext';
import { Cookie, Header, Query } from 'callnext/params';
import { z } from 'zod';
import {
  boolParsing,
  extraForbidden,
  greaterThan,
  greaterThanEqual,
  intParsing,
  lessThanEqual,
  literalError,
  missing,
} from './expected.js';
import { answers, get, type Page, refuses } from './page.js';

const optionalText = z.string().nullable().default(null);

const filters = {
  limit: z.int().gt(0).max(100).default(100),
  offset: z.int().min(0).default(0),
  order_by: z.enum(['created_at', 'updated_at']).default('created_at'),
  tags: z.array(z.string()).default([]),
};
const all = { limit: 10, offset: 5, order_by: 'updated_at', tags: ['tag1', 'tag2'] };
const allOf = '?limit=10&offset=5&order_by=updated_at&tags=tag1&tags=tag2';

export const queryModels: Page = {
  name: 'query parameter models',
  routes: [
    ['get', '/open', endpoint({ filter: Query(z.object(filters)) }, ({ filter }) => filter)],
    ['get', '/strict', endpoint({ filter: Query(z.strictObject(filters)) }, ({ filter }) => filter)],
  ],
  rows: [
    answers(get(`/open${allOf}`), all),
    answers(get('/open'), { limit: 100, offset: 0, order_by: 'created_at', tags: [] }),
    answers(get(`/open${allOf}&tool=plumbus`), all),
    answers(get('/open?tags=one&limit=1&limit=2'), {
      limit: 2,
      offset: 0,
      order_by: 'created_at',
      tags: ['one'],
    }),
    refuses(
      get('/open?limit=150&offset=-1&order_by=invalid'),
      lessThanEqual(['query', 'limit'], '150', 100),
      greaterThanEqual(['query', 'offset'], '-1', 0),
      literalError(['query', 'order_by'], 'invalid', "'created_at' or 'updated_at'"),
    ),
    refuses(get('/open?limit=0'), greaterThan(['query', 'limit'], '0', 0)),
    refuses(
      get('/open?offset=x&limit='),
      intParsing(['query', 'limit'], ''),
      intParsing(['query', 'offset'], 'x'),
    ),
    answers(get(`/strict${allOf}`), all),
    answers(get('/strict'), { limit: 100, offset: 0, order_by: 'created_at', tags: [] }),
    refuses(get(`/strict${allOf}&tool=plumbus`), extraForbidden(['query', 'tool'], 'plumbus')),
    refuses(
      get('/strict?tool=plumbus&limit=150&hat='),
      lessThanEqual(['query', 'limit'], '150', 100),
      extraForbidden(['query', 'tool'], 'plumbus'),
      extraForbidden(['query', 'hat'], ''),
    ),
    refuses(get('/strict?tool=a&tool=b'), extraForbidden(['query', 'tool'], ['a', 'b'])),
  ],
};

const headers = {
  host: z.string(),
  save_data: z.boolean(),
  if_modified_since: optionalText,
  traceparent: optionalText,
  x_tag: z.array(z.string()).default([]),
};
const host = 'shop.example';
const rest = { if_modified_since: null, traceparent: null, x_tag: [] };

export const headerModels: Page = {
  name: 'header parameter models',
  routes: [
    ['get', '/open', endpoint({ given: Header(z.object(headers)) }, ({ given }) => given)],
    ['get', '/strict', endpoint({ given: Header(z.strictObject(headers)) }, ({ given }) => given)],
    [
      'get',
      '/as-written',
      endpoint({ given: Header(z.object(headers), { convertUnderscores: false }) }, ({ given }) => given),
    ],
  ],
  rows: [
    answers(get('/open', { host, 'save-data': 'true' }), { host, save_data: true, ...rest }),
    answers(
      get('/open', {
        host,
        'save-data': 'off',
        'if-modified-since': 'yesterday',
        traceparent: '123',
        'x-tag': ['one', 'two'],
      }),
      { host, save_data: false, if_modified_since: 'yesterday', traceparent: '123', x_tag: ['one', 'two'] },
    ),
    answers(get('/open', { host, 'save-data': '1', tool: 'plumbus' }), { host, save_data: true, ...rest }),
    answers(get('/open', { host, 'save-data': '1', 'x-tag': 'one' }), {
      host,
      save_data: true,
      ...rest,
      x_tag: ['one'],
    }),
    answers(get('/open', { host, 'save-data': '1', traceparent: ['first', 'last'] }), {
      host,
      save_data: true,
      ...rest,
      traceparent: 'first',
    }),
    refuses(get('/open', { host, 'save-data': 'maybe' }), boolParsing(['header', 'save_data'], 'maybe')),
    refuses(
      get('/strict', { host, connection: 'close', 'save-data': 'true', tool: 'plumbus' }),
      extraForbidden(['header', 'connection'], 'close'),
      extraForbidden(['header', 'tool'], 'plumbus'),
    ),
    answers(get('/as-written', { host, save_data: 'true', x_tag: 'one' }), {
      host,
      save_data: true,
      ...rest,
      x_tag: ['one'],
    }),
  ],
};

const tracked = { session_id: z.string(), fatebook_tracker: optionalText, googall_tracker: optionalText };
const cookies = (cookie: string) => ({ cookie });

export const cookieModels: Page = {
  name: 'cookie parameter models',
  routes: [
    ['get', '/open', endpoint({ given: Cookie(z.object(tracked)) }, ({ given }) => given)],
    ['get', '/strict', endpoint({ given: Cookie(z.strictObject(tracked)) }, ({ given }) => given)],
  ],
  rows: [
    answers(get('/open', cookies('session_id=123; fatebook_tracker=456; googall_tracker=789')), {
      session_id: '123',
      fatebook_tracker: '456',
      googall_tracker: '789',
    }),
    answers(get('/open', cookies('session_id=123')), {
      session_id: '123',
      fatebook_tracker: null,
      googall_tracker: null,
    }),
    answers(get('/open', cookies('session_id=123; extra=track-me-here-too')), {
      session_id: '123',
      fatebook_tracker: null,
      googall_tracker: null,
    }),
    refuses(get('/open'), missing(['cookie', 'session_id'], {})),
    refuses(
      get('/open', cookies('googall_tracker=789')),
      missing(['cookie', 'session_id'], { googall_tracker: '789' }),
    ),
    answers(get('/strict', cookies('session_id=123')), {
      session_id: '123',
      fatebook_tracker: null,
      googall_tracker: null,
    }),
    refuses(
      get('/strict', cookies('session_id=123; extra=track-me-here-too')),
      extraForbidden(['cookie', 'extra'], 'track-me-here-too'),
    ),
  ],
};
