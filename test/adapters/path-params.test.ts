import type http from 'node:http';
import Router from '@koa/router';
import { endpoint, type Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express5 from 'express';
import Koa3 from 'koa';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

type Pattern = string | RegExp;

/** Creates an app with an endpoint at a pattern, below a middleware, for each framework. */
type AppOf = (pattern: Pattern, below: Middleware) => http.RequestListener;

const answering = endpoint({}, ({ request }) => ({ ...request.pathParams }));

function expressApp(express: typeof express5): AppOf {
  return (pattern, below) =>
    express()
      .use(toExpress(below) as never)
      .get(pattern, toExpress(answering) as never);
}

function koaApp(Koa: typeof Koa3): AppOf {
  return (pattern, below) =>
    new Koa()
      .use(toKoa(below) as never)
      .use(new Router().get(pattern, toKoa(answering) as never).routes() as never)
      .callback();
}

const inSegments = { path: 'a/b c/d/e' };
const numbered = /^\/files\/(\w+)(?:\/(\w+))?$/;
const named = /^\/files\/(?<first>\w+)(?:\/(?<rest>\w+))?$/;

type Row = [pattern: Pattern, target: string, expected: Record<string, string>];

const modern: Row[] = [
  ['/files/*path', '/files/a/b%20c/d%2Fe', inSegments],
  ['/files/*path', '/files/a', { path: 'a' }],
  ['/files/*path', '/files/a//b', { path: 'a//b' }],
  ['/files{/*path}', '/files/a/b%20c/d%2Fe', inSegments],
  ['/files{/*path}', '/files', {}],
  ['/:kind{/:id}', '/files', { kind: 'files' }],
];
const regular: Row[] = [
  [numbered, '/files/a/b', { 0: 'a', 1: 'b' }],
  [numbered, '/files/a', { 0: 'a' }],
  [named, '/files/a/b', { first: 'a', rest: 'b' }],
  [named, '/files/a', { first: 'a' }],
];
const classic: Row[] = [
  ['/files/*', '/files/a/b%20c/d%2Fe', { 0: inSegments.path }],
  ['/files/:path(*)', '/files/a/b%20c/d%2Fe', { 0: inSegments.path, path: inSegments.path }],
  ['/:kind/:id?', '/files', { kind: 'files' }],
];

describe.each<[string, AppOf, Row[]]>([
  ['Express 5', expressApp(express5), [...modern, ...regular]],
  ['Express 4', expressApp(express4), [...classic, ...regular]],
  ['Koa 3', koaApp(Koa3), [...modern, ...regular]],
  ['Koa 2', koaApp(Koa2), [...modern, ...regular]],
])('`pathParams` on %s are strings', (_name, appOf, rows) => {
  it.each(rows)('%s for %s', async (pattern, target, expected) => {
    let outside: Record<string, string> = {};
    const below: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      outside = { ...request.pathParams };
      return response;
    };
    const got = await listening(appOf(pattern, below), async url => (await fetch(url + target)).json());
    expect([got, outside]).toEqual([expected, expected]);
    expect(Object.keys(outside)).toEqual(Object.keys(expected));
  });
});

it('`pathParams` of a layer mounted at a wildcard are strings before `callNext`', async () => {
  const app = express5()
    .use(
      '/files/*path',
      toExpress(async request => Response.json(request.pathParams)),
    )
    .set('env', 'test');
  const got = await listening(app, async url => (await fetch(`${url}/files/a/b`)).json());
  expect(got).toEqual({ path: 'a/b' });
});

it('`req.params` of a native handler stays what Express 5 makes it', async () => {
  const app = express5()
    .use(toExpress(async (request, callNext) => callNext(request)))
    .get('/files/*path', (req, res) => void res.json(req.params));
  const got = await listening(app, async url => (await fetch(`${url}/files/a/b`)).json());
  expect(got).toEqual({ path: ['a', 'b'] });
});
