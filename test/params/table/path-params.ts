// tutorial/path-params and tutorial/path-params-numeric-validations
import { endpoint } from 'callnext';
import { Path, Query } from 'callnext/params';
import { z } from 'zod';
import {
  boolParsing,
  floatParsing,
  greaterThan,
  greaterThanEqual,
  intParsing,
  lessThan,
  lessThanEqual,
  literalError,
  missing,
  multipleOf,
} from './expected.js';
import { answers, get, type Page, refuses } from './page.js';

const messages: Record<string, string> = { alexnet: 'Deep Learning FTW!', lenet: 'LeCNN all the images' };
const aboveZero = z.int().gt(0).max(1000);
const zeroAndMore = z.int().min(0).max(1000);

export const pathParams: Page = {
  name: 'path parameters',
  routes: [
    ['get', '/plain/:item_id', endpoint({ item_id: Path() }, ({ item_id }) => ({ item_id }))],
    ['get', '/ints/:item_id', endpoint({ item_id: Path(z.int()) }, ({ item_id }) => ({ item_id }))],
    ['get', '/floats/:size', endpoint({ size: Path(z.number()) }, ({ size }) => ({ size }))],
    ['get', '/flags/:flag', endpoint({ flag: Path(z.boolean()) }, ({ flag }) => ({ flag }))],
    ['get', '/users/me', endpoint({}, () => ({ user_id: 'the current user' }))],
    ['get', '/users/:user_id', endpoint({ user_id: Path(z.string()) }, ({ user_id }) => ({ user_id }))],
    ['get', '/files/*file_path', endpoint({ file_path: Path() }, ({ file_path }) => ({ file_path }))],
    [
      'get',
      '/models/:model_name',
      endpoint({ model_name: Path(z.enum(['alexnet', 'resnet', 'lenet'])) }, ({ model_name }) => ({
        model_name,
        message: messages[model_name] ?? 'Have some residuals',
      })),
    ],
    [
      'get',
      '/pairs/:left/:right',
      endpoint({ right: Path(z.int()), left: Path(z.int()) }, ({ left, right }) => [left, right]),
    ],
  ],
  rows: [
    answers(get('/plain/1'), { item_id: '1' }),
    answers(get('/plain/alice'), { item_id: 'alice' }),
    answers(get('/plain/two%20words'), { item_id: 'two words' }),
    answers(get('/plain/caf%C3%A9'), { item_id: 'café' }),
    answers(get('/ints/1'), { item_id: 1 }),
    answers(get('/ints/-3'), { item_id: -3 }),
    answers(get('/ints/+7'), { item_id: 7 }),
    answers(get('/ints/007'), { item_id: 7 }),
    answers(get('/ints/5.0'), { item_id: 5 }),
    answers(get('/ints/1_000'), { item_id: 1000 }),
    answers(get('/ints/%2042%20'), { item_id: 42 }),
    refuses(get('/ints/item1'), intParsing(['path', 'item_id'], 'item1')),
    refuses(get('/ints/4.2'), intParsing(['path', 'item_id'], '4.2')),
    refuses(get('/ints/1e3'), intParsing(['path', 'item_id'], '1e3')),
    refuses(get('/ints/0x10'), intParsing(['path', 'item_id'], '0x10')),
    refuses(get('/ints/true'), intParsing(['path', 'item_id'], 'true')),
    refuses(get('/ints/1__0'), intParsing(['path', 'item_id'], '1__0')),
    refuses(get('/ints/%20'), intParsing(['path', 'item_id'], ' ')),
    answers(get('/floats/5'), { size: 5 }),
    answers(get('/floats/0.5'), { size: 0.5 }),
    answers(get('/floats/-.5'), { size: -0.5 }),
    answers(get('/floats/1e3'), { size: 1000 }),
    answers(get('/floats/%201.5'), { size: 1.5 }),
    refuses(get('/floats/big'), floatParsing(['path', 'size'], 'big')),
    refuses(get('/floats/1,5'), floatParsing(['path', 'size'], '1,5')),
    refuses(get('/floats/0x1'), floatParsing(['path', 'size'], '0x1')),
    answers(get('/flags/true'), { flag: true }),
    answers(get('/flags/1'), { flag: true }),
    answers(get('/flags/on'), { flag: true }),
    answers(get('/flags/YES'), { flag: true }),
    answers(get('/flags/t'), { flag: true }),
    answers(get('/flags/False'), { flag: false }),
    answers(get('/flags/0'), { flag: false }),
    answers(get('/flags/off'), { flag: false }),
    answers(get('/flags/n'), { flag: false }),
    refuses(get('/flags/maybe'), boolParsing(['path', 'flag'], 'maybe')),
    refuses(get('/flags/2'), boolParsing(['path', 'flag'], '2')),
    refuses(get('/flags/%20true'), boolParsing(['path', 'flag'], ' true')),
    answers(get('/users/me'), { user_id: 'the current user' }),
    answers(get('/users/alice'), { user_id: 'alice' }),
    answers(get('/files/home/johndoe/myfile.txt'), { file_path: 'home/johndoe/myfile.txt' }),
    answers(get('/files//home/johndoe/myfile.txt'), { file_path: '/home/johndoe/myfile.txt' }),
    answers(get('/models/alexnet'), { model_name: 'alexnet', message: 'Deep Learning FTW!' }),
    answers(get('/models/lenet'), { model_name: 'lenet', message: 'LeCNN all the images' }),
    answers(get('/models/resnet'), { model_name: 'resnet', message: 'Have some residuals' }),
    refuses(
      get('/models/foo'),
      literalError(['path', 'model_name'], 'foo', "'alexnet', 'resnet' or 'lenet'"),
    ),
    answers(get('/pairs/1/2'), [1, 2]),
    refuses(get('/pairs/a/b'), intParsing(['path', 'right'], 'b'), intParsing(['path', 'left'], 'a')),
  ],
};

export const pathNumbers: Page = {
  name: 'path parameters and numeric validations',
  routes: [
    [
      'get',
      '/titled/:item_id',
      endpoint(
        { item_id: Path(z.int()), q: Query(z.string().optional(), { alias: 'item-query' }) },
        ({ item_id, q }) => ({ item_id, ...(q && { q }) }),
      ),
    ],
    [
      'get',
      '/from-one/:item_id',
      endpoint({ q: Query(), item_id: Path(z.int().min(1)) }, ({ item_id, q }) => ({ item_id, q })),
    ],
    [
      'get',
      '/above-zero/:item_id',
      endpoint({ item_id: Path(aboveZero), q: Query(z.string()) }, ({ item_id, q }) => ({ item_id, q })),
    ],
    [
      'get',
      '/sized/:item_id',
      endpoint(
        { item_id: Path(zeroAndMore), q: Query(), size: Query(z.number().gt(0).lt(10.5)) },
        ({ item_id, q, size }) => ({ item_id, q, size }),
      ),
    ],
    ['get', '/fives/:count', endpoint({ count: Path(z.int().multipleOf(5)) }, ({ count }) => ({ count }))],
  ],
  rows: [
    answers(get('/titled/42'), { item_id: 42 }),
    answers(get('/titled/123?item-query=somequery'), { item_id: 123, q: 'somequery' }),
    answers(get('/titled/7?q=not-the-alias'), { item_id: 7 }),
    refuses(get('/titled/invalid_id'), intParsing(['path', 'item_id'], 'invalid_id')),
    answers(get('/from-one/42?q='), { item_id: 42, q: '' }),
    answers(get('/from-one/1?q=somequery'), { item_id: 1, q: 'somequery' }),
    refuses(get('/from-one/42'), missing(['query', 'q'])),
    refuses(get('/from-one/0?q=somequery'), greaterThanEqual(['path', 'item_id'], '0', 1)),
    refuses(get('/from-one/-5'), greaterThanEqual(['path', 'item_id'], '-5', 1), missing(['query', 'q'])),
    refuses(get('/from-one/x?q=a'), intParsing(['path', 'item_id'], 'x')),
    answers(get('/above-zero/1000?q=somequery'), { item_id: 1000, q: 'somequery' }),
    refuses(get('/above-zero/0?q=a'), greaterThan(['path', 'item_id'], '0', 0)),
    refuses(get('/above-zero/1001?q=a'), lessThanEqual(['path', 'item_id'], '1001', 1000)),
    answers(get('/sized/0?q=&size=0.1'), { item_id: 0, q: '', size: 0.1 }),
    answers(get('/sized/1000?q=somequery&size=10.4'), { item_id: 1000, q: 'somequery', size: 10.4 }),
    refuses(get('/sized/-1?q=a&size=5'), greaterThanEqual(['path', 'item_id'], '-1', 0)),
    refuses(get('/sized/1?q=a&size=0.0'), greaterThan(['query', 'size'], '0.0', 0)),
    refuses(get('/sized/1?q=a&size=10.5'), lessThan(['query', 'size'], '10.5', 10.5)),
    refuses(get('/sized/1?q=a&size=wide'), floatParsing(['query', 'size'], 'wide')),
    refuses(
      get('/sized/1001'),
      lessThanEqual(['path', 'item_id'], '1001', 1000),
      missing(['query', 'q']),
      missing(['query', 'size']),
    ),
    answers(get('/fives/15'), { count: 15 }),
    refuses(get('/fives/12'), multipleOf(['path', 'count'], '12', 5)),
  ],
};
