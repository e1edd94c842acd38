// https://fastapi.tiangolo.com/tutorial/request-forms/ and
// request-form-models/
import { endpoint, Layer } from 'callnext';
import { Form } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const login = endpoint({ username: Form(), password: Form() }, given => ({
  username: given.username,
}));

const FormData = z.strictObject({ username: z.string(), password: z.string() });
const loginByModel = endpoint({ data: Form(FormData) }, ({ data }) => data);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'post', path: '/login', endpoint: login },
    { method: 'post', path: '/model', endpoint: loginByModel },
  ],
};
