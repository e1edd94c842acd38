// Endpoints that intentionally respond differently from FastAPI's, for differences.ts.
import { Depends, dependency, endpoint, HTTPException } from 'callnext';
import { Body, Cookie, File, Header, type Parameter, Query } from 'callnext/params';
import { z } from 'zod';
import type { Route } from './page.js';

const Lax = z.object({ price: z.number(), count: z.int().default(0), isOffer: z.boolean().default(false) });
const echo = (q: Parameter<unknown>) => endpoint({ q }, ({ q: given }) => given);
const isLoggedIn = dependency({ token: Header(z.string().optional()) }, ({ token }) => {
  if (token === undefined) throw new HTTPException(401, 'Not authenticated');
});

export const jsonValues: readonly Route[] = [
  ['post', '/items', endpoint({ item: Body(Lax) }, ({ item }) => item)],
];

export const bodyAfterDependencies: readonly Route[] = [
  ['post', '/items', endpoint({ user: Depends(isLoggedIn), item: Body(Lax) }, ({ item }) => item)],
];

export const guards: readonly Route[] = [
  [
    'get',
    '/guarded',
    Depends(dependency({ x_token: Header() }, ({ x_token }) => x_token)),
    Depends(dependency({ x_key: Header() }, ({ x_key }) => x_key)),
    endpoint({ limit: Query(z.int()) }, ({ limit }) => limit),
  ],
];

export const enumeration: readonly Route[] = [['get', '/models', echo(Query(z.enum(['alexnet', 'lenet'])))]];

export const formats: readonly Route[] = [
  ['get', '/uuid', echo(Query(z.uuid()))],
  ['get', '/date', echo(Query(z.iso.date()))],
  ['get', '/url', echo(Query(z.url()))],
];

export const forms: readonly Route[] = [
  ['get', '/date', echo(Query(z.iso.date()))],
  ['get', '/datetime', echo(Query(z.iso.datetime({ offset: true, local: true })))],
  ['get', '/guid', echo(Query(z.guid()))],
];

export const unconverted: readonly Route[] = [
  ['get', '/set', endpoint({ q: Query(z.set(z.int())) }, ({ q }) => [...q])],
  ['get', '/bigint', endpoint({ q: Query(z.bigint()) }, ({ q }) => String(q))],
];

export const record: readonly Route[] = [
  [
    'post',
    '/texts',
    endpoint({ texts: Body(z.record(z.string(), z.string())) }, ({ texts }) => Object.keys(texts).length),
  ],
];

export const numbers: readonly Route[] = [
  ['get', '/int', echo(Query(z.int()))],
  ['get', '/float', echo(Query(z.number()))],
  ['post', '/float', endpoint({ size: Body(z.number()) }, ({ size }) => size)],
];

export const defaults: readonly Route[] = [
  ['get', '/list', echo(Query(z.array(z.string()).min(1).default([])))],
];

export const model: readonly Route[] = [
  ['get', '/items', echo(Query(z.object({ need: z.string(), tags: z.array(z.string()).default([]) })))],
];

export const optional: readonly Route[] = [
  [
    'post',
    '/notes',
    endpoint({ text: Body(), tag: Body(z.string().optional()) }, ({ text: given }) => given),
  ],
];

export const file: readonly Route[] = [
  ['post', '/file', endpoint({ file: File() }, ({ file }) => file.name)],
  ['post', '/type', endpoint({ file: File() }, ({ file }) => ({ type: file.type }))],
];

export const secret: readonly Route[] = [
  [
    'get',
    '/me',
    endpoint({ authorization: Header(z.string().regex(/^Bearer /)) }, ({ authorization }) => authorization),
  ],
];

export const cookie: readonly Route[] = [['get', '/city', endpoint({ city: Cookie() }, ({ city }) => city)]];

export const union: readonly Route[] = [
  [
    'post',
    '/pets',
    endpoint(
      {
        pet: Body(
          z.discriminatedUnion('kind', [
            z.object({ kind: z.literal('cat'), lives: z.int() }),
            z.object({ kind: z.literal('dog'), barks: z.boolean() }),
          ]),
        ),
      },
      ({ pet }) => pet,
    ),
  ],
];
