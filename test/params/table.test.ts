import type http from 'node:http';
import Router from '@koa/router';
import type { Depends, Endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express5 from 'express';
import Koa3 from 'koa';
import { type Asked, ask } from '../support/ask.js';
import { listening } from '../support/frameworks.js';
import { arktypePages } from './table/arktype.js';
import { bodies, nested } from './table/bodies.js';
import { body, bodyFields } from './table/body.js';
import { dataTypes } from './table/data-types.js';
import { dependencies, errorBodies, replacedErrors } from './table/dependencies.js';
import { differencePages } from './table/differences.js';
import { files, formModels, forms, formsAndFiles } from './table/forms.js';
import { cookieParams, headerParams } from './table/headers-and-cookies.js';
import { cookieModels, headerModels, queryModels } from './table/models.js';
import type { Page } from './table/page.js';
import { pathNumbers, pathParams } from './table/path-params.js';
import { queryParams, queryTexts } from './table/query-params.js';
import { responseModel } from './table/response-model.js';
import { convertedTexts, fileRules, times, trimmedTexts, tuples } from './table/rules-of-schemas.js';
import { valibotPages } from './table/valibot.js';

// The requests come from FastAPI's tests of its documentation, rewritten. The expected responses are those of
// FastAPI 0.142 with pydantic 2.13.
const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

const zodPages: readonly Page[] = [
  pathParams,
  pathNumbers,
  queryParams,
  queryTexts,
  headerParams,
  cookieParams,
  queryModels,
  headerModels,
  cookieModels,
  body,
  bodyFields,
  bodies,
  nested,
  dataTypes,
  responseModel,
  forms,
  formModels,
  files,
  formsAndFiles,
  trimmedTexts,
  tuples,
  dependencies,
  replacedErrors,
  errorBodies,
];
const pages = [
  ...zodPages,
  fileRules,
  convertedTexts,
  times,
  ...differencePages,
  ...valibotPages,
  ...arktypePages,
];

type Mounted = Layer | Depends<unknown> | Endpoint;

function expressApp(express: typeof express5, wildcard: (path: string) => string) {
  return ({ layer, routes }: Page): http.RequestListener => {
    const app = express();
    if (layer) app.use(toExpress(layer));
    for (const [method, path, ...run] of routes)
      app[method](wildcard(path), ...(run as Mounted[]).map(each => toExpress(each as Endpoint)));
    return app;
  };
}

function koaApp(Koa: typeof Koa3) {
  return ({ layer, routes }: Page): http.RequestListener => {
    const app = new Koa();
    const router = new Router();
    if (layer) app.use(toKoa(layer));
    for (const [method, path, ...run] of routes)
      router[method](path, ...(run as Mounted[]).map(each => toKoa(each as Endpoint)));
    return app.use(router.routes() as Koa3.Middleware).callback();
  };
}

const titleOf = ({ method, path, headers, body: sent }: Asked): string =>
  [method, path, JSON.stringify(headers), sent].join(' ');

/** Sorts errors by their places, for libraries with an order of their own. */
function sorted(body: unknown): unknown {
  const { detail } = body as { detail?: { loc: unknown }[] };
  if (!Array.isArray(detail)) return body;
  const placeOf = ({ loc }: { loc: unknown }): string => JSON.stringify(loc);
  return { detail: detail.toSorted((one, other) => (placeOf(one) < placeOf(other) ? -1 : 1)) };
}

const parsed = (text: string): unknown => (text === '' ? '' : JSON.parse(text));

describe.each([
  ['Express 5', expressApp(express5, path => path)],
  ['Express 4', expressApp(express4, path => path.replace(/\*(\w+)/, ':$1(*)'))],
  ['Koa 3', koaApp(Koa3)],
  ['Koa 2', koaApp(Koa2)],
])('declared parameters on %s respond as in FastAPI', (_name, appOf) => {
  it.each(pages.map(page => [page.name, page] as const))('%s', async (_page, page) => {
    const ordered = page.isSorted ? sorted : (body: unknown) => body;
    const expected = page.rows.map(([asked, status, body]) => [titleOf(asked), status, ordered(body)]);
    const got = await listening(appOf(page), async (_url, port) => {
      const rows: unknown[] = [];
      for (const [asked] of page.rows) {
        const { status, text } = await ask(port, asked);
        rows.push([titleOf(asked), status, ordered(parsed(text))]);
      }
      return rows;
    });
    expect(got).toEqual(expected);
  });
});

test('the table has more than 250 different requests', () => {
  const asked = zodPages.flatMap(({ name, rows }) => rows.map(([row]) => `${name}: ${titleOf(row)}`));
  expect(asked.length).toBeGreaterThan(250);
  expect(new Set(asked).size).toBe(asked.length);
});
