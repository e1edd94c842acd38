type Lines = readonly (readonly [name: string, value: string])[];

/** A request for `?…`, with headers, and the keys that it has by place. FastAPI 0.142 found the same. */
export type KeyRow = readonly [query: string, headers: Lines, keys: Keys];

interface Keys {
  readonly header?: string;
  readonly query?: string;
  readonly cookie?: string;
}

export const keyRows: readonly KeyRow[] = [
  ['', [], {}],
  ['', [['X-Key', 'abc']], { header: 'abc' }],
  ['', [['x-kEY', '  abc  ']], { header: 'abc' }],
  ['', [['x-key', '']], {}],
  [
    '',
    [
      ['x-key', 'abc'],
      ['x-key', 'def'],
    ],
    { header: 'abc' },
  ],
  ['', [['x_key', 'abc']], {}],
  ['', [['x-keys', 'abc']], {}],
  ['key=abc', [], { query: 'abc' }],
  ['key=', [], {}],
  ['key', [], {}],
  ['KEY=abc', [], {}],
  ['key=abc&key=def', [], { query: 'def' }],
  ['key=abc&key=', [], {}],
  ['key[]=abc', [], {}],
  ['k%65y=%61bc', [], { query: 'abc' }],
  ['a;key=abc', [], {}],
  ['', [['cookie', 'key=abc']], { cookie: 'abc' }],
  ['', [['Cookie', 'a=b; key=abc; c=d']], { cookie: 'abc' }],
  ['', [['cookie', 'key=']], {}],
  ['', [['cookie', 'KEY=abc']], {}],
  ['', [['cookie', 'key=abc; key=def']], { cookie: 'def' }],
  ['', [['cookie', 'other=1,key=abc']], {}],
  ['', [['cookie', 'key="abc"']], { cookie: 'abc' }],
  ['__proto__=abc', [['cookie', '__proto__=abc']], {}],
];
