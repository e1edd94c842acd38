/** The outcome of a scheme: its value, or `malformed` for a 401 that `autoError: false` does not prevent. */
interface Outcomes {
  readonly bearer?: unknown;
  readonly digest?: unknown;
  readonly basic?: unknown;
  /** OAuth2 with a password or a code. */
  readonly oauth2?: unknown;
  readonly openIdConnect?: unknown;
}

/** `authorization` headers. A scheme without an outcome finds no credentials in them. */
export type AuthorizationRow = readonly [lines: readonly string[], outcomes: Outcomes];

const john = { username: 'john', password: 'secret' };
const whole = (openIdConnect: string): Outcomes => ({ openIdConnect });

/** FastAPI 0.142 gave each of these outcomes. */
export const authorizationRows: readonly AuthorizationRow[] = [
  [[], {}],
  [[''], {}],
  [
    ['Bearer abc'],
    { bearer: { scheme: 'Bearer', credentials: 'abc' }, oauth2: 'abc', ...whole('Bearer abc') },
  ],
  [
    ['bearer abc'],
    { bearer: { scheme: 'bearer', credentials: 'abc' }, oauth2: 'abc', ...whole('bearer abc') },
  ],
  [
    ['bEaReR abc'],
    { bearer: { scheme: 'bEaReR', credentials: 'abc' }, oauth2: 'abc', ...whole('bEaReR abc') },
  ],
  [
    ['Bearer   a  b  '],
    { bearer: { scheme: 'Bearer', credentials: 'a  b' }, oauth2: 'a  b', ...whole('Bearer   a  b') },
  ],
  [
    ['  Bearer abc'],
    { bearer: { scheme: 'Bearer', credentials: 'abc' }, oauth2: 'abc', ...whole('Bearer abc') },
  ],
  [['Bearer'], { oauth2: '', ...whole('Bearer') }],
  [['Bearer\tabc'], whole('Bearer\tabc')],
  [['Bearerabc'], whole('Bearerabc')],
  [['Bearer:abc'], whole('Bearer:abc')],
  [['"Bearer" abc'], whole('"Bearer" abc')],
  [['Bearers abc'], whole('Bearers abc')],
  [['abc'], whole('abc')],
  [['Token abc'], whole('Token abc')],
  [['Negotiate YWJj'], whole('Negotiate YWJj')],
  [
    ['Bearer abc, Basic am9objpzZWNyZXQ='],
    {
      bearer: { scheme: 'Bearer', credentials: 'abc, Basic am9objpzZWNyZXQ=' },
      oauth2: 'abc, Basic am9objpzZWNyZXQ=',
      ...whole('Bearer abc, Basic am9objpzZWNyZXQ='),
    },
  ],
  [
    ['Digest username="john"'],
    { digest: { scheme: 'Digest', credentials: 'username="john"' }, ...whole('Digest username="john"') },
  ],
  [['DIGEST x'], { digest: { scheme: 'DIGEST', credentials: 'x' }, ...whole('DIGEST x') }],
  [['Basic am9objpzZWNyZXQ='], { basic: john, ...whole('Basic am9objpzZWNyZXQ=') }],
  [['bASIC  am9objpzZWNyZXQ= '], { basic: john, ...whole('bASIC  am9objpzZWNyZXQ=') }],
  [
    ['Basic am9objpzZTpjcmV0'],
    { basic: { username: 'john', password: 'se:cret' }, ...whole('Basic am9objpzZTpjcmV0') },
  ],
  [['Basic am9objo='], { basic: { username: 'john', password: '' }, ...whole('Basic am9objo=') }],
  [['Basic OnNlY3JldA=='], { basic: { username: '', password: 'secret' }, ...whole('Basic OnNlY3JldA==') }],
  [['Basic'], { basic: 'malformed', ...whole('Basic') }],
  [['Basic am9obnNlY3JldA=='], { basic: 'malformed', ...whole('Basic am9obnNlY3JldA==') }],
  [['Basic am9objpzZWNyZXQ'], { basic: 'malformed', ...whole('Basic am9objpzZWNyZXQ') }],
  [['Basic john:secret'], { basic: 'malformed', ...whole('Basic john:secret') }],
  [['Basic asO2aG46c2VjcmV0'], { basic: 'malformed', ...whole('Basic asO2aG46c2VjcmV0') }],
];

/** FastAPI takes the first of two lines. Node does too, for this header. */
export const twoLines: AuthorizationRow = [
  ['Basic am9objpzZWNyZXQ=', 'Bearer abc'],
  { basic: john, ...whole('Basic am9objpzZWNyZXQ=') },
];

/** Python skips characters outside the base64 alphabet; here they are malformed. */
export const stricter: readonly AuthorizationRow[] = [
  [['Basic am9o!bjpzZWNyZXQ='], { basic: 'malformed', ...whole('Basic am9o!bjpzZWNyZXQ=') }],
  [['Basic am9o bjpz ZWNyZXQ='], { basic: 'malformed', ...whole('Basic am9o bjpz ZWNyZXQ=') }],
];
