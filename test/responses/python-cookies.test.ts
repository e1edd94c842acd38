// Values written and read by Python's `http.cookies`.
import { spawnSync } from 'node:child_process';
import { type CookieOptions, endpoint, Layer, Response } from 'callnext';
import { cookieValues } from 'callnext/adapter';
import { ask } from '../support/ask.js';
import { frameworks, listening } from '../support/frameworks.js';

const python: CookieOptions = { encoding: 'python', path: null, sameSite: null };

function written(value: string, options: CookieOptions = python): string {
  const response = new Response();
  response.setCookie('name', value, options);
  return (response.headers.getSetCookie()[0] as string).slice('name='.length);
}

function readBack(cookie: string): string | undefined {
  return cookieValues(`name=${cookie}`, 'name')[0];
}

it.each([
  ['plain', 'plain'],
  ["!#$%&'*+-.^_`|~:", "!#$%&'*+-.^_`|~:"],
  ['', '""'],
  ['two words', '"two words"'],
  ['a=b/c?d@e', '"a=b/c?d@e"'],
  ['a;b,c', '"a\\073b\\054c"'],
  ['say "hi" \\', '"say \\"hi\\" \\\\"'],
  ['Zürich', '"Z\\374rich"'],
  ['\0\n\x1f\x7f\xa0\xff', '"\\000\\012\\037\\177\\240\\377"'],
  ['{"a": [1]}', '"{\\"a\\": [1]}"'],
])('%j is written as Python writes it', (value, cookie) => {
  expect(written(value)).toBe(cookie);
  expect(readBack(cookie)).toBe(value);
});

it('accepts the same attributes as any cookie', () => {
  expect(written('a b', { encoding: 'python', maxAge: 60, httpOnly: true })).toBe(
    '"a b"; Max-Age=60; Path=/; HttpOnly; SameSite=Lax',
  );
  expect(written('a b', { encoding: 'percent' })).toBe('a%20b; Path=/; SameSite=Lax');
  const ended = new Response();
  ended.deleteCookie('name', { encoding: 'python' });
  expect(ended.headers.getSetCookie()[0]).toMatch(/^name=""; Max-Age=0; Path=\/; /);
});

it.each<[string, string, object]>([
  ['a character outside Latin-1', 'ключ', python],
  ['an emoji', '🙂', python],
  ['an unknown encoding', 'a', { encoding: 'base64' }],
  ['an encoding that is not a string', 'a', { encoding: null }],
])('%s is rejected when it is set', (_name, value, options) => {
  expect(() => written(value, options)).toThrow(expect.objectContaining({ code: 'COOKIE' }));
});

const script = `
import http.cookies, json, sys
values = json.load(sys.stdin)
quoted = [http.cookies._quote(value) for value in values]
json.dump([quoted, [http.cookies._unquote(value) for value in quoted]], sys.stdout)`;
const interpreter = ['/usr/bin/python3', 'python3'].find(
  path => spawnSync(path, ['-c', 'import http.cookies']).status === 0,
);

(interpreter ? it : it.skip)(
  'every character of Latin-1 is written and read as by the Python that is installed',
  () => {
    const characters = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
    const values = ['', ...characters, ...characters.map(each => `a${each}b${each}`), characters.join('')];
    const { stdout } = spawnSync(interpreter as string, ['-c', script], { input: JSON.stringify(values) });
    const [quoted, unquoted] = JSON.parse(String(stdout)) as [string[], string[]];
    expect(values.map(value => written(value))).toEqual(quoted);
    expect(unquoted).toEqual(values);
    // We percent-decode values that Python leaves unquoted, like every unquoted value.
    const isRead = values.map(value => readBack(written(value)) === value);
    expect(values.filter((_value, index) => !isRead[index])).toEqual([]);
  },
);

it.each(frameworks)('comes back to a handler on $name', async ({ app }) => {
  const value = 'Zürich; "a\\b",\n100%';
  const target = endpoint({}, ({ request, response }) => {
    response.setCookie('name', value, { encoding: 'python' });
    return { name: request.cookies.name ?? null };
  });
  await listening(app().use(new Layer()).at('/', target).listener(), async (_url, port) => {
    const [cookie = ''] = (await ask(port)).headers['set-cookie'] ?? [];
    const { text } = await ask(port, { headers: { cookie: cookie.split('; Path')[0] as string } });
    expect(JSON.parse(text)).toEqual({ name: value });
  });
});
