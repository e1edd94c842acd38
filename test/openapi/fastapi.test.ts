import { Validator } from '@seriousme/openapi-schema-validator';
import type { Depends, Endpoint } from 'callnext';
import { toExpress } from 'callnext/express';
import { openapi } from 'callnext/openapi';
import express from 'express';
import supertest from 'supertest';
import { bodies, nested } from '../params/table/bodies.js';
import { body, bodyFields } from '../params/table/body.js';
import { dataTypes } from '../params/table/data-types.js';
import { dependencies, errorBodies, replacedErrors } from '../params/table/dependencies.js';
import { files, formModels, forms, formsAndFiles } from '../params/table/forms.js';
import { cookieParams, headerParams } from '../params/table/headers-and-cookies.js';
import { cookieModels, headerModels, queryModels } from '../params/table/models.js';
import type { Page } from '../params/table/page.js';
import { pathNumbers, pathParams } from '../params/table/path-params.js';
import { queryParams, queryTexts } from '../params/table/query-params.js';
import { responseModel } from '../params/table/response-model.js';
import fastapi from './fastapi-documents.json' with { type: 'json' };
import { normalise } from './normalise.js';

// The documents that FastAPI 0.142 with pydantic 2.13 makes of the same pages.
const expected: Readonly<Record<string, { readonly paths: object }>> = fastapi;

const pages: readonly Page[] = [
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
  dependencies,
  replacedErrors,
  errorBodies,
];

async function documentOf({ routes }: Page): Promise<{ readonly paths: object }> {
  const app = express();
  const run = (each: Depends<unknown> | Endpoint): express.RequestHandler =>
    toExpress(each as Endpoint) as never;
  for (const [method, path, ...handlers] of routes) app[method](path, ...handlers.map(run));
  const shown = express().get('/', toExpress(openapi(app, { title: 'FastAPI', version: '0.1.0' })) as never);
  const { body } = await supertest(shown).get('/').expect(200);
  return body;
}

type Difference = readonly [page: string, operation: string, within: string, ours: unknown];

const answer = (status: number): string => `responses ${status} content application/json schema`;

const whole = ['name', 'description', 'price', 'tax', 'tags'];

/** What differs after normalising: the schema library says more, or says it in another word. */
const differences: readonly Difference[] = [
  // `Path()` without a schema is a string.
  ['path parameters', '/plain/{item_id} get', 'parameters 0 schema', { type: ['string'] }],
  // The page has no schema for times, and checks them by an expression.
  [
    'extra data types',
    '/items/{item_id} put',
    'requestBody content application/json schema properties repeat_at',
    { pattern: '^(?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d+)?)?$', type: ['string'] },
  ],
  // Zod says of a property with a default that every answer has it.
  ['response model', '/items get', `${answer(200)} items required`, whole],
  ['response model', '/items post', `${answer(201)} required`, whole],
  ['response model', '/user post', `${answer(200)} required`, ['username', 'full_name']],
];

/** FastAPI's document, with the differences of a page applied. */
function expectedOf(name: string): unknown {
  const document = normalise(expected[name] as { readonly paths: object });
  for (const [page, operation, within, ours] of differences) {
    if (page !== name) continue;
    const keys = [...operation.split(' '), ...within.split(' ')];
    const last = keys.pop() as string;
    const parent = keys.reduce((at, key) => Reflect.get(at, key), document as object);
    expect(Reflect.get(parent, last)).not.toEqual(ours);
    Reflect.set(parent, last, ours);
  }
  return document;
}

describe("the document of a page of FastAPI's tutorial", () => {
  it.each(pages.map(page => [page.name, page] as const))('is that of FastAPI: %s', async (name, page) => {
    const document = await documentOf(page);

    expect(normalise(document)).toEqual(expectedOf(name));
  });

  it.each(pages.map(page => [page.name, page] as const))('is valid: %s', async (_name, page) => {
    const { errors } = await new Validator().validate(await documentOf(page));
    expect(errors ?? []).toEqual([]);
  });
});
