import type http from 'node:http';
import koaMulter from '@koa/multer';
import { endpoint, Layer, type Request } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express5 from 'express';
import Koa3 from 'koa';
import { koaBody } from 'koa-body';
import multer from 'multer';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

const fields = ['größe', 'größe', 'a"b', 'zwei\r\nZeilen', '日本', '👍', 'Ã', 'plain'];

const utf8 = { defParamCharset: 'utf8' } as multer.Options;

function expressApp(express: typeof express5, parser?: multer.Multer): http.RequestListener {
  const app = express();
  if (parser) app.use(parser.any() as never);
  return app.use(toExpress(new Layer()) as never, toExpress(namesOf) as never) as never;
}

function koaApp(Koa: typeof Koa3, parse?: unknown): http.RequestListener {
  const app = new Koa();
  if (parse) app.use(parse as Koa3.Middleware);
  return app
    .use(toKoa(new Layer()) as never)
    .use(toKoa(namesOf) as never)
    .callback();
}

/** The names of a form as two readers see them, and the kind of each entry. */
const namesOf = endpoint({}, async ({ request }: { request: Request }) => {
  const entries = (form: FormData): unknown[] =>
    [...form].map(([name, value]) => [name, typeof value === 'string' ? value : value.name]);
  const own = entries(await request.form());
  const inMemory = !/koa-body/.test(request.headers.get('x-parser') ?? '');
  return { own, native: inMemory ? entries(await request.native.formData()) : own };
});

const apps: Record<string, () => http.RequestListener> = {
  'no parser on Express 5': () => expressApp(express5),
  'no parser on Koa 3': () => koaApp(Koa3),
  'multer on Express 5': () => expressApp(express5, multer()),
  'multer on Express 4': () => expressApp(express4, multer()),
  'multer with a declared charset': () => expressApp(express5, multer(utf8)),
  '@koa/multer on Koa 3': () => koaApp(Koa3, koaMulter().any()),
  '@koa/multer on Koa 2': () => koaApp(Koa2, koaMulter().any()),
  'koa-body': () => koaApp(Koa3, koaBody({ multipart: true })),
};

it.each(Object.keys(apps))('a form keeps the names its client sent: %s', async parser => {
  const form = new FormData();
  for (const [index, name] of fields.entries()) form.append(name, String(index));
  form.append('datei-ü', new Blob(['x']), 'größe "日本".txt');
  const sent = await listening((apps[parser] as () => http.RequestListener)(), async url =>
    (await fetch(url, { method: 'POST', body: form, headers: { 'x-parser': parser } })).json(),
  );
  const expected = [
    ...fields.map((name, index) => [name, String(index)]),
    ['datei-ü', 'größe "日本".txt'],
  ].sort();
  const { own, native } = sent as { own: string[][]; native: string[][] };
  expect(own.sort()).toEqual(expected);
  expect(native.sort()).toEqual(expected);
});

it('a name in Latin-1 stays as multer read it', async () => {
  const head = 'Content-Disposition: form-data; name="gr\xf6\xdfe"';
  const body = Buffer.from(`--b\r\n${head}\r\n\r\n1\r\n--b--\r\n`, 'latin1');
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const got = await listening(expressApp(express5, multer()), async url =>
    (await fetch(url, { method: 'POST', body, headers })).json(),
  );
  expect(got).toMatchObject({ own: [['größe', '1']] });
});
