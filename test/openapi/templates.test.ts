import { endpoint } from 'callnext';
import { toExpress } from 'callnext/express';
import { openapi } from 'callnext/openapi';
import express5 from 'express';
import supertest from 'supertest';
import { express418, express422 } from '../support/versions.js';

async function pathsOf(express: typeof express5, path: string | string[] | RegExp) {
  const app = express();
  app.get(
    path as string,
    toExpress(
      endpoint({}, function read() {
        return 1;
      }),
    ) as never,
  );
  const shown = express();
  shown.get('/', toExpress(openapi(app, { title: 'Shop', version: '1' })) as never);
  shown.use(((error: { code: string }, _req, res, _next) => {
    res.status(500).json({ code: error.code });
  }) as express5.ErrorRequestHandler);
  const { body } = await supertest(shown).get('/');
  if (body.code) return body.code;
  return Object.entries(body.paths as Record<string, { get: { parameters?: { schema: object }[] } }>).map(
    ([template, { get }]) => [template, ...(get.parameters ?? []).map(({ schema }) => schema)],
  );
}

const string = { type: 'string' };

it.each<[string | string[] | RegExp, unknown]>([
  ['/', [['/']]],
  ['/items/:id', [['/items/{id}', string]]],
  ['/items/:id.json', [['/items/{id}.json', string]]],
  ['/a/:from-:to', [['/a/{from}-{to}', string, string]]],
  ['/items{/:id}', [['/items'], ['/items/{id}', string]]],
  ['/files/*rest', [['/files/{rest}', string]]],
  [
    ['/a', '/b/:id'],
    [['/a'], ['/b/{id}', string]],
  ],
  ['/a\\:b', [['/a:b']]],
  [/^\/items\/\d+$/, 'OPENAPI_PATH'],
])('Express 5 has %p in the document as a template', async (path, expected) => {
  expect(await pathsOf(express5, path)).toEqual(expected);
});

it.each<[string | RegExp, unknown]>([
  ['/items/:id', [['/items/{id}', string]]],
  ['/items/:id(\\d+)', [['/items/{id}', { type: 'string', pattern: '^(?:\\d+)$' }]]],
  ['/items/:id?', [['/items'], ['/items/{id}', string]]],
  ['/files/:rest(*)', [['/files/{rest}', { type: 'string', pattern: '^(?:.*)$' }]]],
  ['/files/*', 'OPENAPI_PATH'],
  ['/ab?cd', 'OPENAPI_PATH'],
  ['/items/:id+', 'OPENAPI_PATH'],
  [/^\/items\/\d+$/, 'OPENAPI_PATH'],
])('Express 4 has %p in the document as a template', async (path, expected) => {
  expect(await pathsOf(express422, path as string)).toEqual(expected);
  expect(await pathsOf(express418, path as string)).toEqual(expected);
});
