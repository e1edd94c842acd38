// Schemas whose values differ from what their JSON Schema describes.
import { endpoint } from 'callnext';
import { Body, File, Form, Query } from 'callnext/params';
import { z } from 'zod';
import {
  intParsing,
  missing,
  stringPatternMismatch,
  stringTooLong,
  stringTooShort,
  stringType,
  tupleTooLong,
  valueError,
} from './expected.js';
import { answers, form, get, json, type Page, post, refuses, upload } from './page.js';

const small = z.file().max(3, 'Too big');
const png = z.file().mime('image/png', 'Not a picture');
const file = ['file', 'abcd', 'a.txt', 'text/plain'] as const;

// In FastAPI, the `input` of a file lists its fields.
export const fileRules: Page = {
  name: 'rules of files',
  routes: [
    ['post', '/small', endpoint({ file: File(small) }, ({ file }) => file.size)],
    ['post', '/png', endpoint({ file: File(png) }, ({ file }) => file.type)],
    ['post', '/files', endpoint({ file: File(z.array(small)) }, ({ file }) => file.length)],
    [
      'post',
      '/image',
      endpoint({ file: File(z.file().mime(['image/png', 'image/gif'], 'No image')) }, () => 1),
    ],
  ],
  rows: [
    answers(post('/small', upload(['file', 'abc', 'a.txt'])), 3),
    refuses(post('/small', upload(file)), valueError(['body', 'file'], {}, 'Too big')),
    refuses(post('/png', upload(file)), valueError(['body', 'file'], {}, 'Not a picture')),
    refuses(post('/image', upload(file)), valueError(['body', 'file'], {}, 'No image')),
    refuses(
      post('/files', upload(['file', 'abc', 'a.txt'], file)),
      valueError(['body', 'file', 1], {}, 'Too big'),
    ),
    refuses(
      post('/small', upload(['file', 'text'])),
      valueError(['body', 'file'], 'text', 'Invalid input: expected file, received string'),
    ),
  ],
};

const trimmed = z.string().trim();
const unnamed = 'Use another name';

export const trimmedTexts: Page = {
  name: 'texts that are trimmed',
  routes: [
    ['get', '/short', endpoint({ q: Query(trimmed.min(3)) }, ({ q }) => q)],
    ['get', '/long', endpoint({ q: Query(trimmed.max(3)) }, ({ q }) => q)],
    ['get', '/pattern', endpoint({ q: Query(trimmed.regex(/^.{3,}$/)) }, ({ q }) => q)],
    [
      'get',
      '/named',
      endpoint({ q: Query(trimmed.min(3).refine(q => q !== 'root', unnamed)) }, ({ q }) => q),
    ],
    [
      'get',
      '/spaced',
      endpoint(
        {
          q: Query(
            z
              .string()
              .min(3)
              .refine(() => false, unnamed),
          ),
        },
        ({ q }) => q,
      ),
    ],
    [
      'get',
      '/piped',
      endpoint({ q: Query(z.string().min(3).pipe(z.string().min(5, unnamed))) }, ({ q }) => q),
    ],
    ['post', '/form', endpoint({ name: Form(trimmed.min(1)) }, ({ name }) => name)],
    ['post', '/body', endpoint({ item: Body(z.object({ name: trimmed.min(3) })) }, ({ item }) => item)],
  ],
  rows: [
    answers(get('/short?q=%20abc%20'), 'abc'),
    refuses(get('/short?q=%20ab%20'), stringTooShort(['query', 'q'], ' ab ', 3)),
    answers(get('/long?q=%20%20abc'), 'abc'),
    refuses(get('/long?q=%20abcd%20'), stringTooLong(['query', 'q'], ' abcd ', 3)),
    answers(get('/pattern?q=%20abc%20'), 'abc'),
    refuses(get('/pattern?q=%20ab%20'), stringPatternMismatch(['query', 'q'], ' ab ', '^.{3,}$')),
    refuses(get('/named?q=%20root%20'), valueError(['query', 'q'], ' root ', unnamed)),
    refuses(get('/spaced?q=%20a%20'), valueError(['query', 'q'], ' a ', unnamed)),
    refuses(get('/piped?q=abcd'), valueError(['query', 'q'], 'abcd', unnamed)),
    refuses(post('/form', form({ name: '  ' })), stringTooShort(['body', 'name'], '  ', 1)),
    refuses(post('/body', json({ name: ' a ' })), stringTooShort(['body', 'name'], ' a ', 3)),
  ],
};

const Split = z
  .string()
  .transform(text => text.split(','))
  .pipe(z.array(z.string().min(2, 'Too short')));
const Parsed = z
  .string()
  .transform(text => ({ outer: [{ text }] }))
  .pipe(z.object({ outer: z.array(z.object({ text: z.string().min(2, 'Too short') })) }));

// In FastAPI, the `input` is the converted part. Here only the schema knows that part.
export const convertedTexts: Page = {
  name: 'texts that a schema converts',
  routes: [
    ['get', '/split', endpoint({ q: Query(Split) }, ({ q }) => q)],
    ['get', '/parsed', endpoint({ q: Query(Parsed) }, ({ q }) => q)],
    ['post', '/split', endpoint({ item: Body(z.object({ tags: Split })) }, ({ item }) => item)],
  ],
  rows: [
    answers(get('/split?q=aa,bb'), ['aa', 'bb']),
    refuses(get('/split?q=aa,b'), valueError(['query', 'q', 1], 'aa,b', 'Too short')),
    refuses(get('/parsed?q=a'), valueError(['query', 'q', 'outer', 0, 'text'], 'a', 'Too short')),
    refuses(post('/split', json({ tags: 'a,bb' })), valueError(['body', 'tags', 0], 'a,bb', 'Too short')),
  ],
};

const Pair = z.tuple([z.int(), z.string()]);

export const tuples: Page = {
  name: 'tuples',
  routes: [
    ['post', '/pair', endpoint({ pair: Body(Pair) }, ({ pair }) => pair)],
    ['post', '/item', endpoint({ item: Body(z.object({ pair: Pair })) }, ({ item }) => item)],
    ['post', '/open', endpoint({ open: Body(z.tuple([z.int(), z.int()], z.string())) }, ({ open }) => open)],
    ['get', '/range', endpoint({ range: Query(z.tuple([z.int(), z.int()])) }, ({ range }) => range)],
  ],
  rows: [
    answers(post('/pair', json([1, 'a'])), [1, 'a']),
    refuses(post('/pair', json([1])), missing(['body', 1], [1])),
    refuses(post('/pair', json([])), missing(['body', 0], []), missing(['body', 1], [])),
    refuses(post('/pair', json(['x'])), intParsing(['body', 0], 'x'), missing(['body', 1], ['x'])),
    refuses(post('/pair', json([1, 'a', 2])), tupleTooLong(['body'], [1, 'a', 2], 2)),
    refuses(post('/item', json({ pair: [1] })), missing(['body', 'pair', 1], [1])),
    answers(post('/open', json([1, 2, 'a', 'b'])), [1, 2, 'a', 'b']),
    refuses(post('/open', json([1])), missing(['body', 1], [1])),
    answers(get('/range?range=1&range=2'), [1, 2]),
    refuses(get('/range?range=1'), missing(['query', 'range', 1], ['1'])),
    refuses(
      get('/range?range=x'),
      intParsing(['query', 'range', 0], 'x'),
      missing(['query', 'range', 1], ['x']),
    ),
  ],
};

const datetime = z.iso.datetime({ local: true });

// FastAPI's types and messages differ here.
export const times: Page = {
  name: 'times without a zone',
  routes: [
    ['get', '/time', endpoint({ q: Query(z.iso.time()) }, ({ q }) => q)],
    ['get', '/datetime', endpoint({ q: Query(datetime) }, ({ q }) => q)],
    ['post', '/time', endpoint({ at: Body(z.iso.time()) }, ({ at }) => at)],
    ['get', '/between', endpoint({ q: Query(z.union([z.int(), datetime])) }, ({ q }) => q)],
  ],
  rows: [
    answers(get('/time?q=12:00'), '12:00'),
    refuses(get('/time?q=x'), valueError(['query', 'q'], 'x', 'Invalid ISO time')),
    refuses(post('/time', json(5)), stringType(['body'], 5)),
    answers(get('/datetime?q=2026-11-29T12:00:00'), '2026-11-29T12:00:00'),
    refuses(get('/datetime?q=x'), valueError(['query', 'q'], 'x', 'Invalid ISO datetime')),
    answers(get('/between?q=2026-11-29T12:00:00'), '2026-11-29T12:00:00'),
  ],
};
