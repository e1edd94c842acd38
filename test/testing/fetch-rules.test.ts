import type { RequestListener } from 'node:http';
import { TestClient, type TestClientOptions } from 'callnext/testing';
import { gate } from '../support/events.js';

const ways: [string, TestClientOptions][] = [
  ['in process', {}],
  ['over a socket', { socket: true }],
];

describe.each(ways)('TestClient %s', (_way, options) => {
  let client: TestClient;
  const newClient = (app: RequestListener, more?: TestClientOptions): TestClient => {
    client = new TestClient(app, { ...options, ...more });
    return client;
  };
  afterEach(() => client.close());

  it('rejects with the reason of its signal, before a response and before the call', async () => {
    const [arrived, reason] = [gate(), new Error('enough')];
    const controller = new AbortController();
    newClient(() => arrived.open());
    const call = client.get('/', { signal: controller.signal });
    await arrived.opened;
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    await expect(client.get('/', { signal: AbortSignal.abort('text') })).rejects.toBe('text');
    await expect(client.get('/', { signal: AbortSignal.abort() })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
  });

  it('fails a body with the reason of its signal', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    newClient((_req, res) => void res.write('first'));
    const response = await client.get('/', { signal: controller.signal, stream: true });
    controller.abort(reason);
    await expect(response.text()).rejects.toBe(reason);
  });

  it('rejects a call that is closed before it is sent, and calls after that', async () => {
    newClient((_req, res) => void res.end('answered'));
    const call = client.get('/').catch((error: unknown) => error);
    await client.close();
    expect(await call).toEqual(new TypeError('The client is closed.'));
    await expect(client.get('/')).rejects.toThrow('The client is closed.');
  });

  it.each([
    ['that is written for ever', true],
    ['of which nothing more comes', false],
  ])('follows a redirect with a body %s', async (_title, isFlood) => {
    newClient((req, res) => {
      if (req.url === '/end') return void res.end('end');
      res.writeHead(303, { location: '/end' });
      const flood = (): void => {
        while (!res.destroyed && res.write('x'.repeat(16_384)));
      };
      if (isFlood) res.on('drain', flood);
      if (isFlood) flood();
      else res.write('first');
    });
    expect(await (await client.get('/')).text()).toBe('end');
  });

  const showing: RequestListener = (req, res) => {
    const { host, authorization, cookie, 'x-own': own } = req.headers;
    if (req.url === '/out') res.writeHead(307, { location: 'http://other.test/in' }).end();
    else if (req.url === '/back') res.writeHead(307, { location: '/in' }).end();
    else res.end(JSON.stringify({ host, authorization, cookie, own }));
  };

  it('sends credentials to the same origin, and not to where a redirect leads to another one', async () => {
    newClient(showing, { headers: { authorization: 'Basic YTpi' } });
    const init = { headers: { cookie: 'a=1', 'x-own': 'yes' } };
    expect(await (await client.get('/back', init)).json()).toEqual({
      host: 'localhost',
      authorization: 'Basic YTpi',
      cookie: 'a=1',
      own: 'yes',
    });
    expect(await (await client.get('/out', init)).json()).toEqual({ host: 'other.test', own: 'yes' });
  });

  it('sends cookies to the host that has set them, and to others as `Domain` says', async () => {
    const lines = [
      'own=1',
      'all=2; Domain=example.test',
      'dotted=3; Domain=.Example.test',
      'foreign=4; Domain=other.test',
      'deeper=5; Domain=deep.api.example.test',
    ];
    newClient(
      (req, res) => {
        if (req.url === '/set') res.setHeader('set-cookie', lines);
        res.end(req.headers.cookie);
      },
      { baseUrl: 'http://api.example.test' },
    );
    client.cookies.set('everywhere', '0');
    await client.get('/set');
    const sentTo = async (host: string): Promise<string> => (await client.get(`http://${host}/`)).text();
    expect(await sentTo('api.example.test')).toBe('everywhere=0; own=1; all=2; dotted=3');
    expect(await sentTo('example.test')).toBe('everywhere=0; all=2; dotted=3');
    expect(await sentTo('deep.api.example.test')).toBe('everywhere=0; all=2; dotted=3');
    expect(await sentTo('badexample.test')).toBe('everywhere=0');
    expect(await sentTo('other.test')).toBe('everywhere=0');
  });

  it('gives a body with an unknown content encoding as it came', async () => {
    newClient((_req, res) => void res.setHeader('content-encoding', 'gzip, unknown').end('coded'));
    const response = await client.get('/');
    expect([response.headers.get('content-encoding'), await response.text()]).toEqual([
      'gzip, unknown',
      'coded',
    ]);
  });
});

it.each([
  ['`Headers`', new Headers({ a: 'b' })],
  ['a list', [['a', 'b']]],
  ['null', null],
  ['a value that is not a string', { a: 1 }],
  ['an invalid name', { 'a b': 'c' }],
  ['an invalid value', { a: 'b\nc' }],
])('TestClient refuses %s as its `headers`', (_title, headers) => {
  const make = (): TestClient => new TestClient((_req, res) => void res.end(), { headers: headers as never });
  expect(make).toThrow(expect.objectContaining({ code: 'OPTION_VALUE' }));
});
