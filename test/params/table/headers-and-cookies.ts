// tutorial/header-params and tutorial/cookie-params
import { endpoint } from 'callnext';
import { Cookie, Header } from 'callnext/params';
import { z } from 'zod';
import { boolParsing, greaterThanEqual, intParsing, literalError, missing } from './expected.js';
import { answers, get, type Page, refuses } from './page.js';

const optionalText = z.string().nullable().default(null);

export const headerParams: Page = {
  name: 'header parameters',
  routes: [
    [
      'get',
      '/agent',
      endpoint({ user_agent: Header(optionalText) }, ({ user_agent }) => ({ agent: user_agent })),
    ],
    ['get', '/camel', endpoint({ xToken: Header(z.string()) }, ({ xToken }) => ({ token: xToken }))],
    [
      'get',
      '/strange',
      endpoint(
        { strange_header: Header(optionalText, { convertUnderscores: false }) },
        ({ strange_header }) => ({ strange_header }),
      ),
    ],
    [
      'get',
      '/aliased',
      endpoint({ key: Header(z.string(), { alias: 'X-API-Key' }) }, ({ key }) => ({ key })),
    ],
    [
      'get',
      '/list',
      endpoint({ x_token: Header(z.array(z.string()).nullable().default(null)) }, ({ x_token }) => x_token),
    ],
    ['get', '/numbers', endpoint({ x_size: Header(z.array(z.int())) }, ({ x_size }) => x_size)],
    [
      'get',
      '/typed',
      endpoint(
        {
          x_count: Header(z.int().min(1)),
          save_data: Header(z.boolean().default(false)),
          x_mode: Header(z.enum(['fast', 'safe']).default('safe')),
        },
        given => ({ count: given.x_count, saves: given.save_data, mode: given.x_mode }),
      ),
    ],
  ],
  rows: [
    answers(get('/agent'), { agent: null }),
    answers(get('/agent', { 'user-agent': 'FastAPI test' }), { agent: 'FastAPI test' }),
    answers(get('/agent', { 'USER-AGENT': 'loud' }), { agent: 'loud' }),
    answers(get('/agent', { user_agent: 'with an underscore' }), { agent: null }),
    answers(get('/agent', { 'x-header': 'another' }), { agent: null }),
    answers(get('/camel', { 'x-token': 'secret' }), { token: 'secret' }),
    answers(get('/camel', { 'x-token': '' }), { token: '' }),
    answers(get('/camel', { 'x-token': ['first', 'last'] }), { token: 'first' }),
    refuses(get('/camel'), missing(['header', 'x-token'])),
    answers(get('/strange', { strange_header: 'FastAPI test' }), { strange_header: 'FastAPI test' }),
    answers(get('/strange', { 'strange-header': 'not an underscore' }), { strange_header: null }),
    answers(get('/aliased', { 'x-api-key': 'k' }), { key: 'k' }),
    refuses(get('/aliased', { key: 'k' }), missing(['header', 'X-API-Key'])),
    answers(get('/list'), null),
    answers(get('/list', { 'x-token': 'foo' }), ['foo']),
    answers(get('/list', { 'x-token': ['foo', 'bar'] }), ['foo', 'bar']),
    answers(get('/list', { 'x-token': 'foo, bar' }), ['foo, bar']),
    answers(get('/numbers', { 'x-size': ['1', '2'] }), [1, 2]),
    refuses(get('/numbers', { 'x-size': ['1', 'two'] }), intParsing(['header', 'x-size', 1], 'two')),
    refuses(get('/numbers'), missing(['header', 'x-size'])),
    answers(get('/typed', { 'x-count': '3' }), { count: 3, saves: false, mode: 'safe' }),
    answers(get('/typed', { 'x-count': '3', 'save-data': 'on', 'x-mode': 'fast' }), {
      count: 3,
      saves: true,
      mode: 'fast',
    }),
    refuses(get('/typed', { 'x-count': '0' }), greaterThanEqual(['header', 'x-count'], '0', 1)),
    refuses(
      get('/typed', { 'save-data': 'maybe', 'x-mode': 'FAST' }),
      missing(['header', 'x-count']),
      boolParsing(['header', 'save-data'], 'maybe'),
      literalError(['header', 'x-mode'], 'FAST', "'fast' or 'safe'"),
    ),
  ],
};

const cookies = (cookie: string) => ({ cookie });

export const cookieParams: Page = {
  name: 'cookie parameters',
  routes: [
    ['get', '/items', endpoint({ ads_id: Cookie(optionalText) }, ({ ads_id }) => ({ ads_id }))],
    [
      'get',
      '/typed',
      endpoint(
        { visits: Cookie(z.int().min(0)), isDark: Cookie(z.boolean().default(false), { alias: 'dark' }) },
        ({ visits, isDark }) => ({ visits, isDark }),
      ),
    ],
  ],
  rows: [
    answers(get('/items'), { ads_id: null }),
    answers(get('/items', cookies('ads_id=ads_track')), { ads_id: 'ads_track' }),
    answers(get('/items', cookies('ads_id=ads_track; session=cookiesession')), { ads_id: 'ads_track' }),
    answers(get('/items', cookies('session=cookiesession')), { ads_id: null }),
    answers(get('/items', cookies('ads_id=')), { ads_id: '' }),
    answers(get('/items', cookies('ads_id="a quoted value"')), { ads_id: 'a quoted value' }),
    answers(get('/items', cookies('ads_id=first; ads_id=last')), { ads_id: 'last' }),
    answers(get('/typed', cookies('visits=3; dark=yes')), { visits: 3, isDark: true }),
    refuses(get('/typed'), missing(['cookie', 'visits'])),
    refuses(get('/typed', cookies('visits=often')), intParsing(['cookie', 'visits'], 'often')),
    refuses(get('/typed', cookies('visits=-1')), greaterThanEqual(['cookie', 'visits'], '-1', 0)),
    refuses(
      get('/typed', cookies('dark=2; visits=x')),
      intParsing(['cookie', 'visits'], 'x'),
      boolParsing(['cookie', 'dark'], '2'),
    ),
  ],
};
