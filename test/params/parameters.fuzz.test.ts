import type http from 'node:http';
import { endpoint, Layer, type Parameter } from 'callnext';
import { toNode } from 'callnext/node';
import { Body, Cookie, Form, Header, Query, type StandardSchemaV1 } from 'callnext/params';
import fc from 'fast-check';
import { ask } from '../support/ask.js';
import { listening } from '../support/frameworks.js';
import { fits, libraries, list, modelOf, names, nested, type Shape, scalar } from './random-schemas.js';

/** `npm run fuzz:params` sends 20,000. */
const requests = Number(process.env.PARAM_REQUESTS ?? 900);
const seed = process.env.PARAM_SEED === undefined ? 20261129 : Number(process.env.PARAM_SEED);
const perSchema = 6;

const known = [
  '',
  '0',
  '1',
  '-5',
  '+3',
  ' 7 ',
  '1_000',
  '5.0',
  '5.5',
  '1e3',
  '1e999',
  'NaN',
  'Infinity',
  '٣',
];
const words = [
  'true',
  'No',
  'ON',
  'off',
  'a',
  'b',
  'ü',
  'null',
  'undefined',
  '[]',
  '{}',
  '%',
  '\u0000',
  '\ud800',
];
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...known, ...words, '9'.repeat(400)) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12, unit: 'binary' }) },
);
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...names) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'x y', 'valueOf', '') },
);
const pairs = fc.array(fc.tuple(name, text), { maxLength: 6 });
const coded = (value: string): string => encodeURIComponent(value.replace(/[\ud800-\udfff]/g, '\ufffd'));
const queryOf = (each: readonly [string, string][]): string =>
  each.map(([key, value]) => `${coded(key)}=${coded(value)}`).join('&');
const query = fc.oneof(
  { weight: 5, arbitrary: pairs.map(queryOf) },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-b=&;+%0-9f]{0,30}$/) },
);
const wire = (value: string): string => value.replace(/[^\x20-\x7e\xa0-\xff]/g, '').trim();

/** Generates values that mostly fit a shape. */
function near(shape: Shape): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: right(shape) }, { weight: 1, arbitrary: fc.jsonValue() });
}

function right(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'int':
      return fc.integer({ min: shape.min - 1, max: shape.max });
    case 'number':
      return fc.double({ min: shape.min, max: shape.max, noNaN: true });
    case 'text':
      return fc.string({ minLength: shape.min, maxLength: shape.max + 1 });
    case 'boolean':
      return fc.boolean();
    case 'oneOf':
      return fc.constantFrom(...shape.values);
    case 'nullable':
      return fc.oneof(fc.constant(null), near(shape.inner));
    case 'list':
      return fc.array(near(shape.item), { maxLength: shape.min + 2 });
    case 'model':
      return fc.record(
        Object.fromEntries(Object.entries(shape.properties).map(([key, each]) => [key, near(each.shape)])),
        { noNullPrototype: true },
      );
  }
}

interface Place {
  readonly shape: fc.Arbitrary<Shape>;
  declare(schema: StandardSchemaV1): Parameter<unknown>;
  /** Generates requests for a shape. */
  asked(shape: Shape): fc.Arbitrary<Parameters<typeof ask>[1]>;
}

const texts = fc.oneof(scalar, list, modelOf(fc.oneof(scalar, list)));
const headers = (pairsOf: readonly (readonly [string, string])[]): Record<string, string[]> => {
  const lines = new Map<string, string[]>();
  for (const [key, value] of pairsOf) {
    const header = key
      .replace(/([A-Z])/g, '-$1')
      .replaceAll('_', '-')
      .toLowerCase();
    if (/^[a-z-]+$/.test(header)) lines.set(header, [...(lines.get(header) ?? []), wire(value)]);
  }
  return Object.fromEntries(lines);
};
const body = (content: string, type: string) => ({
  method: 'POST',
  body: content,
  headers: { 'content-type': type, 'content-length': String(Buffer.byteLength(content)) },
});

const parts = fc.array(fc.tuple(name, text, fc.boolean()), { maxLength: 6 });
const multipart = (all: readonly (readonly [string, string, boolean])[]) =>
  body(
    `${all.map(([key, value, isFile]) => part(key, value, isFile)).join('')}--b--\r\n`,
    'multipart/form-data; boundary=b',
  );

function part(key: string, value: string, isFile: boolean): string {
  const file = isFile ? '; filename="f.txt"\r\ncontent-type: text/plain' : '';
  return `--b\r\ncontent-disposition: form-data; name="${key}"${file}\r\n\r\n${value}\r\n`;
}

const places: Readonly<Record<string, Place>> = {
  query: {
    shape: texts,
    declare: schema => Query(schema, { alias: 'a' }),
    asked: () => query.map(each => ({ path: `/?${each}` })),
  },
  header: {
    shape: texts,
    declare: schema => Header(schema, { alias: 'a' }),
    asked: () => pairs.map(each => ({ headers: headers(each) })),
  },
  cookie: {
    shape: fc.oneof(scalar, modelOf(scalar)),
    declare: schema => Cookie(schema, { alias: 'a' }),
    asked: () =>
      pairs.map(each => ({
        headers: { cookie: each.map(([key, value]) => `${key}=${wire(value)}`).join('; ') },
      })),
  },
  form: {
    shape: texts,
    declare: schema => Form(schema, { alias: 'a' }),
    asked: () => query.map(each => body(each, 'application/x-www-form-urlencoded')),
  },
  multipart: {
    shape: texts,
    declare: schema => Form(schema, { alias: 'a' }),
    asked: () => parts.map(multipart),
  },
  body: {
    shape: nested,
    declare: schema => Body(schema, { alias: 'a' }),
    asked: shape =>
      fc.oneof(
        { weight: 6, arbitrary: near(shape).map(each => body(JSON.stringify(each), 'application/json')) },
        { weight: 1, arbitrary: text.map(each => body(each, 'application/json')) },
        { weight: 1, arbitrary: fc.json().map(each => body(each.slice(1), 'application/problem+json')) },
        { weight: 1, arbitrary: fc.json().map(each => body(each, 'text/plain')) },
      ),
  },
};

/** The listener of the current schema; one server serves all of them. */
let current: http.RequestListener = () => undefined;
let passed = 0;
let refused = 0;

async function play(place: string, library: string, port: number): Promise<void> {
  const { shape, declare, asked } = places[place] as Place;
  const runs = Math.ceil(requests / perSchema / (Object.keys(places).length * Object.keys(libraries).length));
  const each = shape.chain(one =>
    fc.tuple(fc.constant(one), fc.array(asked(one), { minLength: perSchema, maxLength: perSchema })),
  );
  await fc.assert(
    fc.asyncProperty(each, async ([one, all]) => {
      const errors: unknown[] = [];
      const seen: unknown[] = [];
      const parameter = declare((libraries[library] as (shape: Shape) => StandardSchemaV1)(one));
      const read = endpoint({ value: parameter }, ({ value }) => {
        seen.push(value);
        return null;
      });
      const layer = new Layer({ onError: error => void errors.push(error) });
      current = toNode(layer, toNode(read) as never) as never;
      for (const request of all) await check(await ask(port, request), one, seen);
      expect(errors).toEqual([]);
    }),
    { numRuns: runs, seed },
  );
}

function check(got: Awaited<ReturnType<typeof ask>>, shape: Shape, seen: unknown[]): void {
  const [value, ...others] = seen.splice(0);
  expect(others).toEqual([]);
  if (got.status === 200) {
    passed += 1;
    expect({ shape, value, fits: fits(shape, value) }).toEqual({ shape, value, fits: true });
    return;
  }
  refused += 1;
  expect({ shape, status: got.status, text: got.text }).toEqual({ shape, status: 422, text: got.text });
  const { detail } = JSON.parse(got.text) as { detail: Record<string, unknown>[] };
  expect(detail.length).toBeGreaterThan(0);
  for (const { type, loc, msg } of detail)
    expect([typeof type, Array.isArray(loc), typeof msg]).toEqual(['string', true, 'string']);
}

it('answers any request with a 422 or accepts a value that fits the schema', async () => {
  await listening(
    (req, res) => current(req, res),
    async (_url, port) => {
      for (const place of Object.keys(places))
        for (const library of Object.keys(libraries)) await play(place, library, port);
    },
  );
  // The run covers both accepted and refused requests.
  expect(passed).toBeGreaterThan(requests / 10);
  expect(refused).toBeGreaterThan(requests / 10);
}, 600_000);
