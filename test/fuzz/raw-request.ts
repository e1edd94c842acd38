import fc from 'fast-check';

/** The bytes of one connection: requests in a row, and whether the client leaves early. */
export interface Sent {
  /** The bytes as latin1, which fast-check prints legibly. */
  readonly text: string;
  /** The methods of the requests, in order, needed to parse the answers. */
  readonly methods: readonly string[];
  /** How the client leaves: it ends its side, or resets the connection after this share of the bytes. */
  readonly leaves: 'ends' | number;
}

interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly hosts: readonly string[];
  readonly headers: readonly string[];
  readonly framed: { readonly lines: readonly string[]; readonly text: string };
}

export const targets = [
  '/json',
  '/echo',
  '/text',
  '/stream',
  '/corked',
  '/empty',
  '/throws',
  '/file',
  '/events',
  '/session',
  '/form',
  '/body',
  '/redirect',
  '/admin',
] as const;

/** Every byte except line ends; Node decides which of them a header may contain. */
const anyText = fc
  .string({ unit: fc.integer({ min: 1, max: 255 }).map(code => String.fromCharCode(code)), maxLength: 30 })
  .map(text => text.replace(/[\r\n\0]/g, ''));

/** Mostly a known text, sometimes with an unexpected part. */
export function near(...known: readonly string[]): fc.Arbitrary<string> {
  const one = fc.constantFrom(...known);
  return fc.oneof(
    { weight: 20, arbitrary: one },
    one.map(text => text.toUpperCase()),
    fc.tuple(one, anyText).map(([text, more]) => text + more),
    fc.tuple(anyText, one).map(([more, text]) => more + text),
    anyText,
  );
}

const segment = fc.constantFrom(
  '..',
  '.',
  '%2e%2e',
  '%2E',
  '%',
  '%zz',
  '%2f',
  '\\',
  ';a',
  'a b',
  'é',
  '',
  '@',
  ':',
);
const path = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom<string>(...targets) },
  { weight: 3, arbitrary: near(...targets) },
  fc
    .tuple(fc.constantFrom(...targets), fc.array(segment, { maxLength: 3 }))
    .map(([base, rest]) => [base, ...rest].join('/')),
);
const query = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  fc.constantFrom('?', '?a=1&a=2', '?a=%', '?#', '#?', '?__proto__=1', '?a[b]=c', '??'),
);
const authority = fc.constantFrom(
  'test',
  'a@test',
  'test:80',
  'test:99999',
  '1.2.3.4.5',
  '[::1]',
  '',
  'evil.net',
);
const origin = fc
  .tuple(fc.constantFrom('http', 'https', 'HTTP', 'x', 'ftp', 'javascript'), authority)
  .map(([scheme, host]) => `${scheme}://${host}`);
const target = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(path, query).map(parts => parts.join('')) },
  { weight: 3, arbitrary: fc.tuple(origin, path, query).map(parts => parts.join('')) },
  fc.constantFrom('*', '//evil.net/json', '/', 'test:443', '?', '\\json', '///json', '/\\evil.net'),
  anyText,
);

const version = fc.oneof(
  { weight: 16, arbitrary: fc.constant('HTTP/1.1') },
  { weight: 2, arbitrary: fc.constant('HTTP/1.0') },
  fc.constantFrom(
    'HTTP/2.0',
    'HTTP/0.9',
    'HTTP/1.2',
    'HTTP/3.0',
    'HTTP/11',
    'http/1.1',
    'RTSP/1.0',
    'ICE/1.0',
    '',
  ),
);
const method = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'HEAD') },
  fc.constantFrom('OPTIONS', 'DELETE', 'PATCH', 'TRACE', 'QUERY', 'get', 'PRI', 'SOURCE', 'X'),
);
const host = near('test', 'a.test', 'evil.net', 'test:8080', 'u@test', '[::1]', '[::1', 'a b', 'a/b', '');
const hosts = fc.oneof(
  { weight: 12, arbitrary: host.map(one => [one]) },
  fc.constant([]),
  fc.tuple(host, host).map(both => [...both]),
);

const values: Readonly<Record<string, fc.Arbitrary<string>>> = {
  Accept: near('*/*', 'text/html'),
  'Accept-Encoding': near('gzip', 'br', 'gzip;q=0', 'identity;q=0', '*;q=0.5'),
  'Access-Control-Request-Headers': near('x-a', 'x-a,,x-b', ' '),
  'Access-Control-Request-Method': near('GET', 'PUT', ''),
  Authorization: near('Basic dTpw', 'Basic', 'Bearer x'),
  'Content-Encoding': near('gzip', 'br', 'deflate', 'identity', 'gzip, gzip', 'zstd'),
  'Content-Type': near(
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=b',
    'multipart/form-data',
    `multipart/form-data; boundary=${'b'.repeat(300)}`,
    'application/json; charset=utf-7',
  ),
  Cookie: near(
    'session=',
    'session=bnVsbA==.aSmXlA.x',
    'a="b\\054c"',
    'session=a; session=b',
    '__proto__=1',
    ';;=',
  ),
  Expect: near('100-continue', 'x'),
  'If-Modified-Since': near('Sat, 28 Nov 2026 00:00:00 GMT', 'x'),
  'If-None-Match': near('*', '"x"'),
  Origin: near('https://app.example', 'https://evil.net', 'null'),
  Range: near('bytes=0-1', 'bytes=-1', 'bytes=5-', 'bytes=0-0,2-3', 'bytes=9-1'),
  Upgrade: near('h2c', 'websocket'),
  'X-Forwarded-For': near('203.0.113.7', '203.0.113.7:50001', '[2001:db8::1]:443', '1, 2', ','),
  'X-Forwarded-Host': near('test', 'evil.net', 'a@test'),
  'X-Forwarded-Proto': near('https', 'http', 'javascript', 'https, http'),
};

const header = fc
  .constantFrom(...Object.entries(values))
  .chain(([name, value]) => value.map(text => `${name}: ${text}`));
/** Only a few headers: with many, Node would refuse most requests for some byte. */
const headers = fc.uniqueArray(header, { maxLength: 4, selector: line => line.split(':', 1)[0] });

const multipart = [
  '--b',
  'Content-Disposition: form-data; name="a"',
  '',
  'one',
  '--b',
  'Content-Disposition: form-data; name="f"; filename="f.txt"',
  'Content-Type: text/plain',
  '',
  'two',
  '--b--',
  '',
].join('\r\n');
const anyByte = fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code));
const body = fc.oneof(
  fc.constantFrom('{"a":1}', '{"a":', '"x"', 'a=1&b=2', multipart, multipart.slice(0, -20), ''),
  fc.string({ unit: anyByte, maxLength: 200 }),
  fc.integer({ min: 1, max: 4 }).map(times => '\xff'.repeat(times * 40_000)),
);

/** The body on the wire, usually with correct framing. */
const framed = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ lines: [] as string[], text: '' }) },
  { weight: 4, arbitrary: body.map(text => ({ lines: [`Content-Length: ${text.length}`], text })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        body,
        fc.integer({ min: 1, max: 20_000 }),
        fc.constantFrom('', ';x=1'),
        fc.constantFrom('', 'X-T: 1\r\n'),
      )
      .map(([text, size, extension, trailer]) => ({
        lines: ['Transfer-Encoding: chunked'],
        text: chunked(text, size, extension, trailer),
      })),
  },
  fc
    .tuple(
      body,
      fc.constantFrom(
        ['Content-Length: 5'],
        ['Content-Length: 0'],
        ['Content-Length: 999999'],
        ['Content-Length: -1'],
        ['Content-Length: 3', 'Content-Length: 4'],
        ['Content-Length: 3', 'Transfer-Encoding: chunked'],
        ['Transfer-Encoding: gzip'],
        ['Transfer-Encoding: chunked, chunked'],
        ['Transfer-Encoding: identity'],
        ['Connection: upgrade'],
        ['Connection: close'],
        ['Connection: keep-alive, x'],
      ),
    )
    .map(([text, lines]) => ({ lines, text })),
);

function chunked(text: string, size: number, extension: string, trailer: string): string {
  const parts: string[] = [];
  const step = Math.max(size, Math.ceil(text.length / 500));
  for (let from = 0; from < text.length; from += step) {
    const part = text.slice(from, from + step);
    parts.push(`${part.length.toString(16)}${extension}\r\n${part}\r\n`);
  }
  return `${parts.join('')}0\r\n${trailer}\r\n`;
}

const request: fc.Arbitrary<RawRequest> = fc.record({ method, target, version, hosts, headers, framed });

function textOf({ method, target, version, hosts, headers, framed: { lines, text } }: RawRequest): string {
  const hostLines = hosts.map(name => `Host: ${name}`);
  return [`${method} ${target} ${version}`, ...hostLines, ...headers, ...lines, '', text].join('\r\n');
}

const leaves = fc.oneof(
  { weight: 8, arbitrary: fc.constant<'ends'>('ends') },
  fc.integer({ min: 0, max: 100 }),
);

/** One to three requests on one connection, sometimes followed by bytes that are not a request. */
export const sent: fc.Arbitrary<Sent> = fc
  .tuple(
    fc.array(request, { minLength: 1, maxLength: 3 }),
    leaves,
    fc.oneof({ weight: 9, arbitrary: fc.constant('') }, anyText),
  )
  .map(([requests, how, garbage]) => ({
    text: requests.map(textOf).join('') + garbage,
    methods: requests.map(each => each.method),
    leaves: how,
  }));
