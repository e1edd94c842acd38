import http from 'node:http';
import { Depends, endpoint, HTTPException, Layer, StreamingResponse } from 'callnext';
import { toNode } from 'callnext/node';
import { TestClient, type TestClientOptions } from 'callnext/testing';
import express from 'express';
import { EventLog, gate } from '../support/events.js';
import { frameworks } from '../support/frameworks.js';

const ways: [string, TestClientOptions][] = [
  ['in process', {}],
  ['over a socket', { socket: true }],
];

describe.each(ways)('a call of TestClient %s', (_way, options) => {
  let log: EventLog;
  let client: TestClient;
  beforeEach(() => {
    log = new EventLog();
  });
  afterEach(() => client.close());

  function* getDb(): Generator<string> {
    yield 'db';
    log.add('exit');
  }
  const addItem = endpoint({ db: Depends(getDb) }, function addItem({ backgroundTasks }) {
    backgroundTasks.addTask(function notify() {
      log.add('task');
    });
    return 'added';
  });

  it('resolves when the last byte of the response arrives', async () => {
    const streaming = endpoint({}, () => {
      async function* body(): AsyncGenerator<string> {
        yield 'first ';
        for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
        log.add('last byte');
        yield 'last';
      }
      return new StreamingResponse(body());
    });
    client = new TestClient(streaming, options);
    const response = await client.get('/');
    log.add('answered');
    expect([await response.text(), log.events]).toEqual(['first last', ['last byte', 'answered']]);
  });

  it('resolves at the head on request, and for an event stream', async () => {
    const open = gate();
    client = new TestClient((req, res) => {
      res.setHeader('content-type', req.url === '/events' ? 'text/event-stream' : 'text/plain');
      res.write('data: 1\n\n');
      void open.opened.then(() => res.end());
    }, options);
    const events = await client.get('/events');
    const text = await client.get('/', { stream: true });
    open.open();
    expect([await events.text(), await text.text()]).toEqual(['data: 1\n\n', 'data: 1\n\n']);
  });

  it.each(frameworks)('resolves before an exit of $name begins, even a synchronous one', async ({ app }) => {
    client = new TestClient(app().use(new Layer()).at('/', addItem).listener(), options);
    expect(await (await client.get('/')).json()).toBe('added');
    expect([client.trace, log.events]).toEqual([['getDb enter', 'addItem', 'sent 200'], []]);
    await client.settled();
    expect([client.trace.slice(3), log.events]).toEqual([
      ['getDb exit', 'task notify'],
      ['exit', 'task'],
    ]);
  });

  it('resolves after exits and tasks with `settle`, set on the client or the call', async () => {
    const release = gate();
    const slow = endpoint({ db: Depends(getDb) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(async () => {
        await release.opened;
        log.add('slow task');
      });
      return new StreamingResponse(['a']);
    });
    client = new TestClient(slow, { ...options, settle: true });
    await client.get('/', { settle: false });
    log.add('unsettled');
    const settled = client.get('/').then(() => log.add('settled'));
    await log.until('exit');
    release.open();
    await settled;
    expect(log.events.slice(0, 1)).toEqual(['unsettled']);
    expect(log.events.at(-1)).toBe('settled');
    expect(log.events.filter(event => event === 'slow task')).toHaveLength(2);
  });

  it('settles each step of a redirect before the next, and rejected calls', async () => {
    const app = new Layer({ onError: () => undefined });
    const steps = endpoint({ db: Depends(getDb) }, ({ request }) => {
      log.add(request.path);
      if (request.path === '/gone') throw new HTTPException(303, '', { headers: { location: '/end' } });
      return request.path === '/end'
        ? 'end'
        : new Response(null, { status: 303, headers: { location: '/end' } });
    });
    client = new TestClient(app, { ...options, below: steps, settle: true });
    await client.get('/');
    expect(log.events).toEqual(['/', 'exit', '/end', 'exit']);
  });

  it('omits the steps of earlier requests after the trace was cleared', async () => {
    const release = gate();
    const slow = endpoint({}, ({ backgroundTasks, request }) => {
      if (request.path !== '/slow') return 'other';
      backgroundTasks.addTask(() => release.opened);
      backgroundTasks.addTask(function stale() {
        log.add('stale ran');
      });
      return 'slow';
    });
    client = new TestClient(slow, options);
    await client.get('/slow');
    client.clearTrace();
    await client.get('/');
    release.open();
    await client.settled();
    expect(log.events).toEqual(['stale ran']);
    expect(client.trace).toEqual(['endpoint', 'sent 200']);
  });

  it('gives each of two clients of one server its own steps', async () => {
    const server = http.createServer(toNode(endpoint({}, ({ request }) => request.path)));
    client = new TestClient(server, options);
    const second = new TestClient(server, options);
    for (const each of [client, second, client]) {
      expect(await (await each.get('/')).json()).toBe('/');
      await each.settled();
    }
    expect([client.trace, second.trace].map(trace => trace.length)).toEqual([4, 2]);
    await second.close();
  });

  it('sends OPTIONS, and any other method with `request`', async () => {
    const app = express();
    app.use((req, res) => void res.set('x-method', req.method).end());
    client = new TestClient(app as never, options);
    const methods = [
      await client.options('/'),
      await client.request('PROPFIND', '/'),
      await client.delete('/'),
    ];
    expect(methods.map(({ headers }) => headers.get('x-method'))).toEqual(['OPTIONS', 'PROPFIND', 'DELETE']);
  });
});
