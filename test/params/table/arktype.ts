// The schemas of the other pages, declared with ArkType.
import { type } from 'arktype';
import { Depends, dependency, endpoint } from 'callnext';
import { Body, Cookie, Form, Header, Path, Query } from 'callnext/params';
import { nested } from './bodies.js';
import { body, bodyFields } from './body.js';
import { dependencies } from './dependencies.js';
import { formModels } from './forms.js';
import { cookieParams, headerParams } from './headers-and-cookies.js';
import { queryModels } from './models.js';
import { declaredWith, type Page } from './page.js';
import { pathNumbers, pathParams } from './path-params.js';
import { queryParams, queryTexts } from './query-params.js';
import { responseModel } from './response-model.js';

const int = type('number.integer');
const item = {
  name: 'string',
  description: 'string | null = null',
  price: 'number',
  tax: 'number | null = null',
} as const;
const Item = type({ '+': 'delete', ...item });
const Fields = type({
  '+': 'delete',
  name: '2 <= string <= 5',
  description: '(string <= 30) | null = null',
  price: 'number > 0',
  count: 'number.integer = 1',
  isOffer: 'boolean = false',
  size: "'S' | 'M' | 'L' = 'M'",
});
const filters = {
  limit: '0 < number.integer <= 100 = 100',
  offset: 'number.integer >= 0 = 0',
  order_by: "'created_at' | 'updated_at' = 'created_at'",
  tags: type('string[]').default(() => []),
} as const;
const Image = type({ '+': 'delete', url: 'string', name: 'string' });
const Nested = type({
  '+': 'delete',
  name: 'string',
  price: 'number',
  tags: type('string[]').default(() => []),
  image: Image.or('null').default(null),
  images: Image.array().or('null').default(null),
});
const Offer = type({ '+': 'delete', name: 'string', items: Nested.array().atLeastLength(1) });
const commons = Depends(
  dependency(
    {
      q: Query(type('string'), { default: null }),
      skip: Query(int, { default: 0 }),
      limit: Query(int, { default: 100 }),
    },
    ({ q, skip, limit }) => ({ q, skip, limit }),
  ),
);
const withArkType = (page: Page, routes: Page['routes']): Page => ({
  ...declaredWith('ArkType', page, routes),
  isSorted: true,
});

export const arktypePages: readonly Page[] = [
  withArkType(pathParams, [
    ['get', '/ints/:item_id', endpoint({ item_id: Path(int) }, ({ item_id }) => ({ item_id }))],
    ['get', '/floats/:size', endpoint({ size: Path(type('number')) }, ({ size }) => ({ size }))],
    ['get', '/flags/:flag', endpoint({ flag: Path(type('boolean')) }, ({ flag }) => ({ flag }))],
  ]),
  withArkType(pathNumbers, [
    [
      'get',
      '/from-one/:item_id',
      endpoint({ item_id: Path(type('number.integer >= 1')), q: Query(type('string')) }, given => ({
        item_id: given.item_id,
        q: given.q,
      })),
    ],
    [
      'get',
      '/fives/:count',
      endpoint({ count: Path(type('number.integer % 5')) }, ({ count }) => ({ count })),
    ],
  ]),
  withArkType(queryParams, [
    [
      'get',
      '/needy/:item_id',
      endpoint(
        {
          item_id: Path(),
          needy: Query(),
          skip: Query(int, { default: 0 }),
          limit: Query(type('number.integer | null'), { default: null }),
        },
        ({ item_id, needy, skip, limit }) => ({ item_id, needy, skip, limit }),
      ),
    ],
  ]),
  withArkType(queryTexts, [
    [
      'get',
      '/between',
      endpoint({ q: Query(type('3 <= string <= 50'), { default: null }) }, ({ q }) => ({ q })),
    ],
    [
      'get',
      '/defaulted',
      endpoint({ q: Query(type('string >= 3'), { default: 'fixedquery' }) }, ({ q }) => ({ q })),
    ],
    ['get', '/list', endpoint({ q: Query(type('string[]'), { default: null }) }, ({ q }) => ({ q }))],
    ['get', '/list-of-ints', endpoint({ q: Query(int.array()) }, ({ q }) => ({ q }))],
  ]),
  withArkType(headerParams, [
    ['get', '/numbers', endpoint({ x_size: Header(int.array()) }, ({ x_size }) => x_size)],
  ]),
  withArkType(cookieParams, [
    [
      'get',
      '/items',
      endpoint({ ads_id: Cookie(type('string'), { default: null }) }, given => ({ ads_id: given.ads_id })),
    ],
  ]),
  withArkType(queryModels, [
    [
      'get',
      '/open',
      endpoint({ filter: Query(type({ '+': 'delete', ...filters })) }, ({ filter }) => filter),
    ],
    [
      'get',
      '/strict',
      endpoint({ filter: Query(type({ '+': 'reject', ...filters })) }, ({ filter }) => filter),
    ],
  ]),
  withArkType(body, [
    ['post', '/items', endpoint({ item: Body(Item) }, ({ item }) => item)],
    ['post', '/strict', endpoint({ item: Body(type({ '+': 'reject', ...item })) }, ({ item }) => item)],
  ]),
  withArkType(bodyFields, [
    [
      'put',
      '/items/:item_id',
      endpoint({ item_id: Path(int), item: Body(Fields, { embed: true }) }, given => ({
        item_id: given.item_id,
        item: given.item,
      })),
    ],
  ]),
  withArkType(nested, [
    ['post', '/items', endpoint({ item: Body(Nested) }, ({ item }) => item)],
    ['post', '/offers', endpoint({ offer: Body(Offer) }, ({ offer }) => offer)],
    ['post', '/images', endpoint({ images: Body(Image.array()) }, ({ images }) => images)],
    ['post', '/weights', endpoint({ all: Body(type({ '[string]': 'number' })) }, ({ all }) => all)],
  ]),
  withArkType(formModels, [
    [
      'post',
      '/typed',
      endpoint(
        { data: Form(type({ sizes: 'number.integer[]', isGift: 'boolean = false' })) },
        ({ data }) => data,
      ),
    ],
  ]),
  withArkType(dependencies, [['get', '/items', endpoint({ commons }, ({ commons }) => commons)]]),
  withArkType(responseModel, [
    [
      'post',
      '/user',
      endpoint(
        { user: Body(type({ username: 'string', password: 'string', full_name: 'string | null = null' })) },
        ({ user }) => user,
        { responseModel: type({ '+': 'delete', username: 'string', full_name: 'string | null = null' }) },
      ),
    ],
  ]),
];
