// https://fastapi.tiangolo.com/tutorial/request-files/ and
// request-forms-and-files/
import { endpoint, Layer } from 'callnext';
import { File, Form } from 'callnext/params';
import type { Page } from './page.js';

const createFile = endpoint({ file: File() }, async ({ file }) => ({
  filename: file.name,
  file_size: (await file.bytes()).length,
}));

// "Optional file upload"
const createOptional = endpoint({ file: File({ default: null }) }, given => ({
  message: given.file === null ? 'No upload file sent' : given.file.name,
}));

// "Multiple file uploads"
const createFiles = endpoint({ files: File({ multiple: true }) }, given => ({
  filenames: given.files.map(file => file.name),
}));

// "Request forms and files"
const createWithToken = endpoint(
  { file: File(), fileb: File(), token: Form() },
  ({ file, fileb, token }) => ({
    file_size: file.size,
    token,
    fileb_content_type: fileb.type,
  }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'post', path: '/file', endpoint: createFile },
    { method: 'post', path: '/optional', endpoint: createOptional },
    { method: 'post', path: '/files', endpoint: createFiles },
    { method: 'post', path: '/with-token', endpoint: createWithToken },
  ],
};
