import { type Dependencies, Depends, dependency, endpoint, HTTPException, Layer } from 'callnext';
import { Body, Header, Query } from 'callnext/params';
import { TestClient, type TestRequestInit } from 'callnext/testing';
import { z } from 'zod';
import { EventLog, gate } from '../support/events.js';

let log: EventLog;
let layer: Layer;
beforeEach(() => {
  log = new EventLog();
  layer = new Layer({ onError: (error, { phase }) => log.add(`reported ${phase}: ${error.message}`) });
});

/** A dependency that is entered after so many turns of the event loop. */
function slow(name: string, turns: number, needs: Dependencies = {}, fault?: Error) {
  return dependency(needs as Record<string, never>, async function* () {
    log.add(`${name} begins`);
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    if (fault) throw fault;
    log.add(`${name} enter`);
    try {
      yield name;
      log.add(`${name} exit`);
    } catch (error) {
      log.add(`${name} exit with ${(error as Error).message}`);
      throw error;
    }
  });
}

async function get(
  all: Depends<unknown>,
  path = '/',
  init: TestRequestInit = {},
): Promise<[number, unknown]> {
  const client = new TestClient(layer, {
    below: endpoint({ all }, ({ all: values }) => values),
    settle: true,
  });
  const response = await client.request(init.json === undefined ? 'GET' : 'POST', path, init);
  const answer: [number, unknown] = [response.status, await response.json()];
  await client.close();
  return answer;
}

describe('Depends.all', () => {
  it('enters dependencies at once, which exit in the reverse order of declaration', async () => {
    const all = Depends.all({
      a: Depends(slow('a', 3)),
      b: Depends(slow('b', 1)),
      c: Depends(slow('c', 2)),
    });
    expect(await get(all)).toEqual([200, { a: 'a', b: 'b', c: 'c' }]);
    const begins = ['a begins', 'b begins', 'c begins'];
    expect(log.events).toEqual([...begins, 'b enter', 'c enter', 'a enter', 'c exit', 'b exit', 'a exit']);
  });

  it('enters what several need once, and it exits after all of them', async () => {
    const shared = Depends(slow('shared', 2));
    const all = Depends.all({
      a: Depends(slow('a', 1, { before: Depends(slow('before', 4)), shared })),
      b: Depends(slow('b', 1, { shared })),
    });
    expect(await get(all)).toEqual([200, { a: 'a', b: 'b' }]);
    expect(log.events).toEqual([
      'before begins',
      'shared begins',
      'shared enter',
      'b begins',
      'b enter',
      'before enter',
      'a begins',
      'a enter',
      'b exit',
      'a exit',
      'shared exit',
      'before exit',
    ]);
  });

  it('lets one that needs another of them wait for it', async () => {
    const b = Depends(slow('b', 2));
    const all = Depends.all({ a: Depends(slow('a', 1, { b })), b });
    expect(await get(all)).toEqual([200, { a: 'a', b: 'b' }]);
    expect(log.events).toEqual(['b begins', 'b enter', 'a begins', 'a enter', 'a exit', 'b exit']);
  });

  it('waits for the others if one fails, and throws the exception into them', async () => {
    const all = Depends.all({
      a: Depends(slow('a', 3)),
      b: Depends(slow('b', 1, {}, new HTTPException(409, 'taken'))),
      c: Depends(slow('c', 2)),
    });
    expect(await get(all)).toEqual([409, { detail: 'taken' }]);
    expect(log.events).toEqual([
      'a begins',
      'b begins',
      'c begins',
      'c enter',
      'a enter',
      'c exit with taken',
      'a exit with taken',
    ]);
  });

  it('fails with the first failure in the order of declaration, and reports the others', async () => {
    const all = Depends.all({
      a: Depends(slow('a', 3, {}, new HTTPException(401, 'first'))),
      b: Depends(slow('b', 1, {}, new HTTPException(403, 'second'))),
    });
    expect(await get(all)).toEqual([401, { detail: 'first' }]);
    expect(log.events).toEqual(['a begins', 'b begins', 'reported request: second']);
  });

  const number = z.int();
  const paged = dependency({ page: Query(number), x: Header(number) }, async ({ page, x }) => {
    log.add(`paged ${page} ${x}`);
    return page;
  });
  const placesIn = (body: unknown): string[] =>
    (body as { detail: { loc: string[] }[] }).detail.map(({ loc }) => loc.join('.'));

  it('declares parameters beside dependencies', async () => {
    const sized = dependency({ size: Body(number, { embed: true }) }, ({ size }) => size);
    const all = Depends.all({ name: Body(z.string()), paged: Depends(paged), size: Depends(sized) });
    const init = { json: { name: 'spoon', size: 3 }, headers: { x: '1' } };
    expect(await get(all, '/?page=2', init)).toEqual([200, { name: 'spoon', paged: 2, size: 3 }]);
  });

  it('collects the invalid parameters of all into one error, in the order of declaration', async () => {
    const shared = Depends(dependency({ q: Query(number) }, ({ q }) => q));
    const all = Depends.all({
      late: Depends(slow('late', 2, { shared })),
      paged: Depends(paged),
      own: Query(number),
      soon: Depends(slow('soon', 1)),
    });
    const [status, body] = await get(all, '/?page=two&q=1');
    expect([status, placesIn(body)]).toEqual([422, ['query.page', 'header.x', 'query.own']]);
    expect(log.events).toEqual([
      'late begins',
      'soon begins',
      'soon enter',
      'late enter',
      expect.stringMatching(/^soon exit with 3 validation errors/),
      expect.stringMatching(/^late exit with 3 validation errors/),
    ]);
  });

  it.each([
    ['read at once', { q: Query(number) }, 'query.q'],
    ['waited for', { q: Body(number) }, 'body'],
  ])('names an invalid parameter for each that needs it, %s', async (_title, parameter, place) => {
    const shared = Depends(dependency(parameter, ({ q }) => q));
    const both = { a: Depends(slow('a', 1, { shared })), b: Depends(slow('b', 1, { shared })) };
    for (const needed of [Depends.all(both), Depends(dependency(both, () => 1))]) {
      const [status, body] = await get(needed, '/?q=none', { json: 'none' });
      expect([status, placesIn(body), log.events]).toEqual([422, [place, place], []]);
      layer = new Layer();
    }
  });

  it('fails with another failure in place of invalid parameters', async () => {
    const all = Depends.all({
      paged: Depends(paged),
      a: Depends(slow('a', 1, {}, new HTTPException(401, 'who are you'))),
    });
    expect(await get(all)).toEqual([401, { detail: 'who are you' }]);
    expect(log.events).toEqual(['a begins']);
  });

  it('may be nested, and shares the cache of the request', async () => {
    const a = Depends(slow('a', 2));
    const all = Depends.all({ inner: Depends.all({ a, b: Depends(slow('b', 1)) }), a });
    expect(await get(all)).toEqual([200, { inner: { a: 'a', b: 'b' }, a: 'a' }]);
    expect(log.events).toEqual(['a begins', 'b begins', 'b enter', 'a enter', 'b exit', 'a exit']);
  });

  it('lets one exit after what needs it in another group', async () => {
    const opened = gate<void>();
    const b = Depends(slow('b', 0));
    const a = Depends(async function* () {
      await opened.opened;
      log.add('a enter');
      yield 'a';
      log.add('a exit');
    });
    const between = Depends(slow('between', 0, { b }));
    const running = layer.run(
      { all: Depends.all({ x: Depends.all({ a, b }), y: Depends(slow('y', 0, { between })) }) },
      () => undefined,
    );
    await log.until('y enter');
    opened.open();
    await running;
    expect(log.events.slice(-4)).toEqual(['y exit', 'between exit', 'b exit', 'a exit']);
  });

  it('is of scope `app` where all of them are', async () => {
    const all = Depends.all({
      a: Depends(slow('a', 2), { scope: 'app' } as never) as never as Depends<unknown, 'app'>,
      b: Depends(slow('b', 1), { scope: 'app' } as never) as never as Depends<unknown, 'app'>,
    });
    const living = new Layer({
      lifespan: dependency({ all }, function* ({ all: { a, b } }) {
        log.add(`lifespan ${a} ${b}`);
        yield;
      }),
    });
    await living.start();
    await living.close();
    expect(log.events).toEqual([
      'a begins',
      'b begins',
      'b enter',
      'a enter',
      'lifespan a b',
      'b exit',
      'a exit',
    ]);
  });

  it.each([
    ['a list', () => Depends.all([Depends(() => 1)] as never), 'DEPENDENCIES'],
    ['a function', () => Depends.all({ one: (() => 1) as never }), 'DEPENDS_EXPECTED'],
  ])('refuses %s', (_title, build, code) => {
    expect(build).toThrow(expect.objectContaining({ code }));
  });
});
