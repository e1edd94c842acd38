import type { Depends, Endpoint, Layer } from 'callnext';
import type { Asked } from '../../support/ask.js';

/** A request with the exact status and JSON of its response. */
export type Row = readonly [asked: Asked, status: number, body: unknown];

/** A method, a path in the syntax of Express 5 and Koa, guards and an endpoint. */
export type Route = readonly [method: Method, path: string, ...run: Depends<unknown>[], endpoint: Endpoint];
type Method = 'get' | 'post' | 'put' | 'patch';

/** One page of FastAPI's documentation, as endpoints and requests. */
export interface Page {
  readonly name: string;
  readonly layer?: Layer;
  readonly routes: readonly Route[];
  readonly rows: readonly Row[];
  /** ArkType sorts the properties of objects and reports errors in that order. */
  readonly isSorted?: boolean;
}

type Headers = Record<string, string | string[]>;

export const answers = (asked: Asked, body: unknown): Row => [asked, 200, body];

/** Expects a 422 with exactly these errors, in this order. */
export const refuses = (asked: Asked, ...detail: object[]): Row => [asked, 422, { detail }];

export const get = (path: string, headers: Headers = {}): Asked => ({ method: 'GET', path, headers });

export const post = (path: string, sent: Sent = {}): Asked => ({ method: 'POST', path, ...sent });

export const put = (path: string, sent: Sent = {}): Asked => ({ method: 'PUT', path, ...sent });

export const patch = (path: string, sent: Sent = {}): Asked => ({ method: 'PATCH', path, ...sent });

type Sent = Pick<Asked, 'headers' | 'body'>;

export const text = (body: string, type: string): Sent => ({ headers: { 'content-type': type }, body });

export const json = (value: unknown): Sent => text(JSON.stringify(value), 'application/json');

export const form = (fields: string[][] | Record<string, string>): Sent =>
  text(new URLSearchParams(fields).toString(), 'application/x-www-form-urlencoded');

/** A field of a multipart body: a string, or a file with a name and a type. */
type Field = readonly [name: string, content: string, filename?: string, type?: string];

export function upload(...fields: Field[]): Sent {
  const boundary = 'a-boundary';
  const parts = fields.map(([name, content, filename, type]) => {
    const ofFile = filename === undefined ? '' : `; filename="${filename}"`;
    const ofType = type === undefined ? '' : `\r\nContent-Type: ${type}`;
    const head = `Content-Disposition: form-data; name="${name}"${ofFile}${ofType}`;
    return `--${boundary}\r\n${head}\r\n\r\n${content}\r\n`;
  });
  return text(`${parts.join('')}--${boundary}--\r\n`, `multipart/form-data; boundary=${boundary}`);
}

/** Returns a page with the same schemas, declared with another library, and the rows for these routes. */
export function declaredWith(library: string, page: Page, routes: readonly Route[]): Page {
  const patterns = routes.map(([method, path]) => {
    const pattern = path.replace(/:\w+/g, '[^/]+').replace(/\*\w+/g, '.+');
    return new RegExp(`^${method} ${pattern}(\\?|$)`, 'i');
  });
  const rows = page.rows.filter(([{ method, path }]) =>
    patterns.some(pattern => pattern.test(`${method} ${path}`)),
  );
  return { ...page, name: `${page.name}, with ${library}`, routes, rows };
}
