// The schemas of the other pages, declared with Valibot.
import { toStandardJsonSchema as standard } from '@valibot/to-json-schema';
import { Depends, dependency, endpoint } from 'callnext';
import { Body, Cookie, Form, Header, type Parameter, Path, Query } from 'callnext/params';
import * as v from 'valibot';
import { nested } from './bodies.js';
import { body, bodyFields } from './body.js';
import { dependencies } from './dependencies.js';
import { formModels, forms } from './forms.js';
import { cookieParams, headerParams } from './headers-and-cookies.js';
import { queryModels } from './models.js';
import { declaredWith, type Page } from './page.js';
import { pathNumbers, pathParams } from './path-params.js';
import { queryParams, queryTexts } from './query-params.js';
import { responseModel } from './response-model.js';
import { trimmedTexts } from './rules-of-schemas.js';

const int = v.pipe(v.number(), v.integer());
const text = (...limits: [min: number, max: number]) =>
  v.pipe(v.string(), v.minLength(limits[0]), v.maxLength(limits[1]));
const optionalText = v.optional(v.nullable(v.string()), null);
const echo = (q: Parameter<unknown>) => endpoint({ q }, given => ({ q: given.q }));

const item = {
  name: v.string(),
  description: optionalText,
  price: v.number(),
  tax: v.optional(v.nullable(v.number()), null),
};
const Item = standard(v.object(item));
const Fields = v.object({
  name: text(2, 5),
  description: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(30))), null),
  price: v.pipe(v.number(), v.gtValue(0)),
  count: v.optional(int, 1),
  isOffer: v.optional(v.boolean(), false),
  size: v.optional(v.picklist(['L', 'M', 'S']), 'M'),
});
const filters = {
  limit: v.optional(v.pipe(int, v.gtValue(0), v.maxValue(100)), 100),
  offset: v.optional(v.pipe(int, v.minValue(0)), 0),
  order_by: v.optional(v.picklist(['created_at', 'updated_at']), 'created_at'),
  tags: v.optional(v.array(v.string()), []),
};
const Image = v.object({ url: v.string(), name: v.string() });
const Nested = v.object({
  name: v.string(),
  price: v.number(),
  tags: v.optional(v.array(v.string()), []),
  image: v.optional(v.nullable(Image), null),
  images: v.optional(v.nullable(v.array(Image)), null),
});
const Offer = v.object({ name: v.string(), items: v.pipe(v.array(Nested), v.minLength(1)) });
const commons = Depends(
  dependency(
    {
      q: Query(standard(optionalText)),
      skip: Query(standard(v.optional(int, 0))),
      limit: Query(standard(v.optional(int, 100))),
    },
    ({ q, skip, limit }) => ({ q, skip, limit }),
  ),
);
const withValibot = (page: Page, routes: Page['routes']): Page => declaredWith('Valibot', page, routes);

export const valibotPages: readonly Page[] = [
  withValibot(pathParams, [
    ['get', '/ints/:item_id', endpoint({ item_id: Path(standard(int)) }, ({ item_id }) => ({ item_id }))],
    ['get', '/floats/:size', endpoint({ size: Path(standard(v.number())) }, ({ size }) => ({ size }))],
    ['get', '/flags/:flag', endpoint({ flag: Path(standard(v.boolean())) }, ({ flag }) => ({ flag }))],
  ]),
  withValibot(pathNumbers, [
    [
      'get',
      '/from-one/:item_id',
      endpoint(
        { item_id: Path(standard(v.pipe(int, v.minValue(1)))), q: Query(standard(v.string())) },
        ({ item_id, q }) => ({ item_id, q }),
      ),
    ],
    [
      'get',
      '/fives/:count',
      endpoint({ count: Path(standard(v.pipe(int, v.multipleOf(5)))) }, ({ count }) => ({ count })),
    ],
  ]),
  withValibot(queryParams, [
    [
      'get',
      '/needy/:item_id',
      endpoint(
        {
          item_id: Path(),
          needy: Query(standard(v.string())),
          skip: Query(standard(v.optional(int, 0))),
          limit: Query(standard(v.optional(v.nullable(int), null))),
        },
        ({ item_id, needy, skip, limit }) => ({ item_id, needy, skip, limit }),
      ),
    ],
  ]),
  withValibot(queryTexts, [
    ['get', '/between', echo(Query(standard(v.optional(v.nullable(text(3, 50)), null))))],
    [
      'get',
      '/like',
      echo(Query(standard(v.optional(v.nullable(v.pipe(text(3, 50), v.regex(/^fixedquery$/))), null)))),
    ],
    ['get', '/defaulted', echo(Query(standard(text(3, 50)), { default: 'fixedquery' }))],
    ['get', '/list', echo(Query(standard(v.optional(v.nullable(v.array(v.string())), null))))],
    ['get', '/list-of-ints', echo(Query(standard(v.array(int))))],
    [
      'get',
      '/list-of-two',
      echo(
        Query(standard(v.pipe(v.array(v.pipe(v.string(), v.minLength(2))), v.minLength(2), v.maxLength(2)))),
      ),
    ],
  ]),
  withValibot(headerParams, [
    ['get', '/numbers', endpoint({ x_size: Header(standard(v.array(int))) }, ({ x_size }) => x_size)],
  ]),
  withValibot(cookieParams, [
    ['get', '/items', endpoint({ ads_id: Cookie(standard(optionalText)) }, ({ ads_id }) => ({ ads_id }))],
  ]),
  withValibot(queryModels, [
    ['get', '/open', endpoint({ filter: Query(standard(v.object(filters))) }, ({ filter }) => filter)],
    [
      'get',
      '/strict',
      endpoint({ filter: Query(standard(v.strictObject(filters))) }, ({ filter }) => filter),
    ],
  ]),
  withValibot(body, [
    ['post', '/items', endpoint({ item: Body(Item) }, ({ item }) => item)],
    ['post', '/strict', endpoint({ item: Body(standard(v.strictObject(item))) }, ({ item }) => item)],
  ]),
  withValibot(bodyFields, [
    [
      'put',
      '/items/:item_id',
      endpoint(
        { item_id: Path(standard(int)), item: Body(standard(Fields), { embed: true }) },
        ({ item_id, item }) => ({ item_id, item }),
      ),
    ],
  ]),
  withValibot(nested, [
    ['post', '/items', endpoint({ item: Body(standard(Nested)) }, ({ item }) => item)],
    ['post', '/offers', endpoint({ offer: Body(standard(Offer)) }, ({ offer }) => offer)],
    ['post', '/images', endpoint({ images: Body(standard(v.array(Image))) }, ({ images }) => images)],
    [
      'post',
      '/weights',
      endpoint({ all: Body(standard(v.record(v.string(), v.number()))) }, ({ all }) => all),
    ],
  ]),
  withValibot(forms, [
    [
      'post',
      '/login',
      endpoint({ username: Form(standard(v.string())), password: Form() }, ({ username }) => ({ username })),
    ],
  ]),
  withValibot(formModels, [
    [
      'post',
      '/typed',
      endpoint(
        { data: Form(standard(v.object({ sizes: v.array(int), isGift: v.optional(v.boolean(), false) }))) },
        ({ data }) => data,
      ),
    ],
  ]),
  withValibot(trimmedTexts, [
    [
      'get',
      '/short',
      endpoint({ q: Query(standard(v.pipe(v.string(), v.trim(), v.minLength(3)))) }, ({ q }) => q),
    ],
    [
      'get',
      '/pattern',
      endpoint({ q: Query(standard(v.pipe(v.string(), v.trim(), v.regex(/^.{3,}$/)))) }, ({ q }) => q),
    ],
  ]),
  withValibot(dependencies, [['get', '/items', endpoint({ commons }, ({ commons }) => commons)]]),
  withValibot(responseModel, [
    [
      'post',
      '/user',
      endpoint(
        {
          user: Body(
            standard(v.object({ username: v.string(), password: v.string(), full_name: optionalText })),
          ),
        },
        ({ user }) => user,
        { responseModel: standard(v.object({ username: v.string(), full_name: optionalText })) },
      ),
    ],
  ]),
];
