// tutorial/request-forms, request-form-models, request-files and request-forms-and-files
import { endpoint } from 'callnext';
import { File, Form } from 'callnext/params';
import { z } from 'zod';
import { boolParsing, extraForbidden, greaterThan, intParsing, missing, stringTooShort } from './expected.js';
import { answers, form, json, type Page, post, refuses, upload } from './page.js';

const login = { username: z.string(), password: z.string() };

export const forms: Page = {
  name: 'form data',
  routes: [
    ['post', '/login', endpoint({ username: Form(), password: Form() }, ({ username }) => ({ username }))],
    [
      'post',
      '/typed',
      endpoint(
        {
          count: Form(z.int().gt(0).default(1)),
          isGift: Form(z.boolean().default(false), { alias: 'gift' }),
          note: Form(z.string().min(3).nullable().default(null)),
          tags: Form(z.array(z.string()).default([])),
        },
        ({ count, isGift, note, tags }) => ({ count, isGift, note, tags }),
      ),
    ],
  ],
  rows: [
    answers(post('/login', form({ username: 'Foo', password: 'secret' })), { username: 'Foo' }),
    answers(post('/login', form({ username: 'F & ö+', password: 'x', more: 'y' })), { username: 'F & ö+' }),
    answers(post('/login', upload(['username', 'Foo'], ['password', 'secret'])), { username: 'Foo' }),
    answers(
      post(
        '/login',
        form([
          ['username', 'one'],
          ['username', 'two'],
          ['password', 'x'],
        ]),
      ),
      { username: 'two' },
    ),
    refuses(post('/login', form({ username: 'Foo' })), missing(['body', 'password'])),
    refuses(post('/login', form({ password: 'secret' })), missing(['body', 'username'])),
    refuses(post('/login', form({ username: '', password: 'secret' })), missing(['body', 'username'])),
    refuses(post('/login'), missing(['body', 'username']), missing(['body', 'password'])),
    refuses(
      post('/login', json({ username: 'Foo', password: 'secret' })),
      missing(['body', 'username']),
      missing(['body', 'password']),
    ),
    answers(post('/typed', form({})), { count: 1, isGift: false, note: null, tags: [] }),
    answers(
      post(
        '/typed',
        form([
          ['count', '3'],
          ['gift', 'on'],
          ['note', 'abc'],
          ['tags', 'a'],
          ['tags', 'b'],
        ]),
      ),
      {
        count: 3,
        isGift: true,
        note: 'abc',
        tags: ['a', 'b'],
      },
    ),
    answers(post('/typed', form({ count: '', note: '' })), { count: 1, isGift: false, note: null, tags: [] }),
    answers(post('/typed', form({ tags: '' })), { count: 1, isGift: false, note: null, tags: [''] }),
    refuses(
      post('/typed', form({ count: 'one', gift: 'perhaps', note: 'ab' })),
      intParsing(['body', 'count'], 'one'),
      boolParsing(['body', 'gift'], 'perhaps'),
      stringTooShort(['body', 'note'], 'ab', 3),
    ),
    refuses(post('/typed', form({ count: '0' })), greaterThan(['body', 'count'], '0', 0)),
  ],
};

export const formModels: Page = {
  name: 'form models',
  routes: [
    ['post', '/open', endpoint({ data: Form(z.object(login)) }, ({ data }) => data)],
    ['post', '/strict', endpoint({ data: Form(z.strictObject(login)) }, ({ data }) => data)],
    [
      'post',
      '/typed',
      endpoint(
        { data: Form(z.object({ sizes: z.array(z.int()), isGift: z.boolean().default(false) })) },
        ({ data }) => data,
      ),
    ],
  ],
  rows: [
    answers(post('/open', form({ username: 'Foo', password: 'secret', extra: 'x' })), {
      username: 'Foo',
      password: 'secret',
    }),
    answers(post('/open', form({ username: '', password: 'secret' })), { username: '', password: 'secret' }),
    refuses(post('/open', form({ username: 'Foo' })), missing(['body', 'password'], { username: 'Foo' })),
    refuses(
      post('/open', form({ password: 'secret' })),
      missing(['body', 'username'], { password: 'secret' }),
    ),
    refuses(post('/open'), missing(['body', 'username'], {}), missing(['body', 'password'], {})),
    refuses(
      post('/open', json({ username: 'Foo', password: 'secret' })),
      missing(['body', 'username'], {}),
      missing(['body', 'password'], {}),
    ),
    answers(post('/strict', form({ username: 'Foo', password: 'secret' })), {
      username: 'Foo',
      password: 'secret',
    }),
    refuses(
      post('/strict', form({ username: 'Foo', password: 'secret', extra: 'extra' })),
      extraForbidden(['body', 'extra'], 'extra'),
    ),
    answers(
      post(
        '/typed',
        form([
          ['sizes', '1'],
          ['sizes', '2'],
          ['isGift', 'y'],
        ]),
      ),
      {
        sizes: [1, 2],
        isGift: true,
      },
    ),
    refuses(post('/typed', form({ sizes: '1', isGift: '' })), boolParsing(['body', 'isGift'], '')),
    refuses(
      post(
        '/typed',
        form([
          ['sizes', '1'],
          ['sizes', 'L'],
        ]),
      ),
      intParsing(['body', 'sizes', 1], 'L'),
    ),
  ],
};

const content = '<file content>';

export const files: Page = {
  name: 'request files',
  routes: [
    [
      'post',
      '/file',
      endpoint({ file: File() }, async ({ file }) => ({ size: (await file.bytes()).length })),
    ],
    ['post', '/name', endpoint({ file: File() }, ({ file }) => ({ name: file.name, type: file.type }))],
    [
      'post',
      '/optional',
      endpoint({ file: File({ default: null }) }, ({ file }) => ({
        message: file === null ? 'No upload file sent' : file.name,
      })),
    ],
    [
      'post',
      '/files',
      endpoint({ files: File({ multiple: true }) }, ({ files }) =>
        files.map(({ name, size }) => [name, size]),
      ),
    ],
    [
      'post',
      '/any-number',
      endpoint({ files: File({ multiple: true, default: [] }) }, ({ files }) => ({ count: files.length })),
    ],
  ],
  rows: [
    answers(post('/file', upload(['file', content, 'test.txt'])), { size: 14 }),
    answers(post('/file', upload(['file', 'x'.repeat(65_537), 'large.bin'])), { size: 65_537 }),
    answers(post('/file', upload(['file', '', 'empty.txt'])), { size: 0 }),
    refuses(post('/file'), missing(['body', 'file'])),
    refuses(post('/file', json({ file: 'Foo' })), missing(['body', 'file'])),
    refuses(post('/file', upload(['other', content, 'test.txt'])), missing(['body', 'file'])),
    answers(post('/name', upload(['file', content, 'test.txt', 'text/plain'])), {
      name: 'test.txt',
      type: 'text/plain',
    }),
    answers(post('/name', upload(['file', 'a', 'one.txt', 'text/a'], ['file', 'b', 'two.txt', 'text/b'])), {
      name: 'two.txt',
      type: 'text/b',
    }),
    answers(post('/optional'), { message: 'No upload file sent' }),
    answers(post('/optional', upload(['file', content, 'test.txt'])), { message: 'test.txt' }),
    answers(post('/files', upload(['files', content, 'a.txt'], ['files', `${content}2`, 'b.txt'])), [
      ['a.txt', 14],
      ['b.txt', 15],
    ]),
    answers(post('/files', upload(['files', content, 'a.txt'])), [['a.txt', 14]]),
    refuses(post('/files'), missing(['body', 'files'])),
    answers(post('/any-number'), { count: 0 }),
  ],
};

export const formsAndFiles: Page = {
  name: 'request forms and files',
  routes: [
    [
      'post',
      '/files',
      endpoint({ file: File(), fileb: File(), token: Form() }, async ({ file, fileb, token }) => ({
        size: (await file.bytes()).length,
        token,
        type: fileb.type,
      })),
    ],
  ],
  rows: [
    answers(
      post(
        '/files',
        upload(['file', content, 'test.txt'], ['fileb', 'b', 'testb.txt', 'text/plain'], ['token', 'foo']),
      ),
      { size: 14, token: 'foo', type: 'text/plain' },
    ),
    refuses(
      post('/files'),
      missing(['body', 'file']),
      missing(['body', 'fileb']),
      missing(['body', 'token']),
    ),
    refuses(post('/files', form({ token: 'foo' })), missing(['body', 'file']), missing(['body', 'fileb'])),
    refuses(
      post('/files', upload(['file', content, 'test.txt'])),
      missing(['body', 'fileb']),
      missing(['body', 'token']),
    ),
  ],
};
