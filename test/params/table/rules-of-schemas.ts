// Rules of schemas whose values are not what their JSON Schema describes.
import { endpoint } from 'callnext';
import { File } from 'callnext/params';
import { z } from 'zod';
import { valueError } from './expected.js';
import { answers, type Page, post, refuses, upload } from './page.js';

const small = z.file().max(3, 'Too big');
const png = z.file().mime('image/png', 'Not a picture');
const file = ['file', 'abcd', 'a.txt', 'text/plain'] as const;

// FastAPI writes the fields of a file as the `input`.
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
