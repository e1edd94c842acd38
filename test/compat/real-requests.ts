import type { Asked } from '../support/ask.js';

/** A request to the app, and what the store and the client should see of it. */
export interface RealRequest extends Asked {
  readonly name: string;
  /** Whether the handler asks for a connection. */
  readonly connects?: boolean;
  /** Whether something fails, so that nothing may commit. */
  readonly fails?: boolean;
  /**
   * Whether it fails after its answer; if the handler has injected, the app's error page replaces the answer.
   */
  readonly failsLate?: boolean;
  /** Whether the handler waits until its answer is sent, so that a failing commit can no longer change it. */
  readonly waits?: boolean;
  /** Whether it closes the connection. */
  readonly closes?: boolean;
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const json = { 'content-type': 'application/json' };
const multipart = { 'content-type': 'multipart/form-data; boundary=b' };
const gzip = { 'accept-encoding': 'gzip' };

const file = (name: string, bytes: number): string =>
  [
    '--b',
    `content-disposition: form-data; name="${name}"; filename="a.txt"`,
    '',
    'x'.repeat(bytes),
    '--b--',
    '',
  ].join('\r\n');

export const login = {
  method: 'POST',
  path: '/login',
  headers: form,
  body: 'username=ada&password=lovelace',
};
const wrong = 'username=ada&password=wrong';

/** The first part of an upload that never completes. */
export const brokenUpload: Asked = {
  method: 'POST',
  path: '/uploads',
  headers: { ...multipart, 'content-length': '5000' },
  body: file('file', 500).slice(0, 200),
};

export const answered: readonly RealRequest[] = [
  { name: 'a page', path: '/' },
  { name: 'a login', ...login, connects: true },
  { name: 'a wrong login', ...login, body: wrong },
  { name: 'a login by a form', ...login, path: '/login-form' },
  { name: 'a wrong login by a form', ...login, path: '/login-form', body: wrong },
  { name: 'a changed session', path: '/visits' },
  { name: 'a redirect', path: '/old' },
  { name: 'a list', path: '/orders', connects: true },
  { name: 'a list, compressed', path: '/orders', headers: gzip, connects: true },
  { name: 'the head of a list', method: 'HEAD', path: '/orders', connects: true },
  { name: 'an order', method: 'POST', path: '/orders', headers: json, body: '{"item":"x"}', connects: true },
  {
    name: 'an upload',
    method: 'POST',
    path: '/uploads',
    headers: multipart,
    body: file('file', 500),
    connects: true,
  },
  { name: 'an export', path: '/export', connects: true },
  { name: 'an export, compressed', path: '/export', headers: gzip, connects: true },
  { name: 'a cursor', path: '/cursor', connects: true, waits: true },
  { name: 'a cursor, compressed', path: '/cursor', headers: gzip, connects: true, waits: true },
  { name: 'a loop that waits for room', path: '/rooms', connects: true, waits: true },
  { name: 'a report by pipeline', path: '/report', waits: true },
  { name: 'a report by pipe', path: '/piped' },
  { name: 'a download', path: '/download' },
  { name: 'a range of a file', path: '/file', headers: { range: 'bytes=2-9' } },
  { name: 'an answer in a callback', path: '/callback' },
  { name: 'work after the answer', path: '/goes-on-working', connects: true },
  { name: 'a 404', path: '/nowhere' },
  { name: 'OPTIONS', method: 'OPTIONS', path: '/orders' },
];

export const failed: readonly RealRequest[] = [
  { name: 'a login that fails', ...login, body: 'username=nobody&password=x', fails: true },
  { name: 'a page for those who have logged in', path: '/me', fails: true },
  {
    name: 'an invalid order',
    method: 'POST',
    path: '/orders',
    headers: json,
    body: '{}',
    fails: true,
    connects: true,
  },
  { name: 'a next(error) with a status', method: 'POST', path: '/sold-out', fails: true, connects: true },
  {
    name: 'an upload that is too large',
    method: 'POST',
    path: '/uploads',
    headers: multipart,
    body: file('file', 30_000),
    fails: true,
  },
  {
    name: 'an upload without a file',
    method: 'POST',
    path: '/uploads',
    headers: json,
    body: '{}',
    fails: true,
    connects: true,
  },
  { name: 'a cursor that breaks', path: '/cursor?fails=1', fails: true, connects: true, closes: true },
  { name: 'an invalid range', path: '/file', headers: { range: 'bytes=99999-' }, fails: true },
  { name: 'an AppError', path: '/forbidden', fails: true, connects: true },
  { name: 'a throw', path: '/throws', fails: true },
  { name: 'a throw of an async handler', path: '/throws-later', fails: true, connects: true },
  { name: 'a rejection with a text', path: '/throws-text', fails: true },
  { name: 'a next(error)', path: '/next-error', fails: true },
  { name: 'a 500 by hand', path: '/failed-by-hand', fails: true, connects: true },
  {
    name: 'an answer and a throw',
    path: '/answers-and-throws',
    fails: true,
    failsLate: true,
    connects: true,
  },
  {
    name: 'a redirect and an answer',
    path: '/redirects-and-answers',
    fails: true,
    failsLate: true,
    connects: true,
  },
  { name: 'an answer and next()', path: '/answers-and-goes-on' },
];
