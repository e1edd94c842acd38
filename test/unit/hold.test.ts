import { ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { PlainTextResponse, Response } from 'callnext';
import { exchangeKey } from '../../adapters/node/exchange-key.js';
import type { StateName } from '../../adapters/node/hold/calls.js';
import type { Hold } from '../../adapters/node/hold/hold.js';
import { intercept } from '../../adapters/node/hold/install.js';
import type { NativeResponse } from '../../adapters/node/node-types.js';

/** A native response with a hold before its methods, and the bytes that reached its connection. */
interface Subject {
  readonly res: NativeResponse;
  readonly hold: Hold;
  readonly log: string[];
  wire(): string;
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

function open(method = 'GET'): Subject {
  const sent: Buffer[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      sent.push(chunk);
      done();
    },
  });
  const req = { method, headers: {}, httpVersionMajor: 1, httpVersionMinor: 1 };
  const res = new ServerResponse(req as never) as unknown as NativeResponse;
  res.assignSocket(socket as never);
  // Like Node's server.
  const needsDrain = Object.getOwnPropertySymbols(res).find(key => key.description === 'kNeedDrain');
  socket.on('drain', () => {
    if (needsDrain && !Reflect.get(res, needsDrain)) return;
    if (needsDrain) Reflect.set(res, needsDrain, false);
    res.emit('drain');
  });
  res.sendDate = false;
  Reflect.set(res, exchangeKey, { hold: undefined });
  return { res, hold: intercept(res, undefined), log: [], wire: () => Buffer.concat(sent).toString() };
}

async function* streamed(): AsyncGenerator<string> {
  yield 'one';
}

const enter: Record<StateName, (subject: Subject) => void> = {
  open: () => undefined,
  held: ({ res }) => res.writeHead(201, { 'x-item': '1' }),
  passing: ({ hold }) => hold.release(),
  replaced: ({ hold }) => {
    hold.capture(201, undefined, undefined);
    hold.replace(new PlainTextResponse('other'), 'GET');
  },
  bypassed: ({ hold }) => hold.bypass(),
};

function inState(state: StateName): Subject {
  const subject = open();
  enter[state](subject);
  expect(subject.hold.state).toBe(state);
  return subject;
}

const codeOf = (call: () => unknown): unknown => {
  try {
    call();
    return 'none';
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('a hold in the state open', () => {
  it.each<[string, (res: NativeResponse) => unknown]>([
    ['writeHead', res => res.writeHead(200)],
    ['flushHeaders', res => res.flushHeaders()],
    ['write', res => res.write('a')],
    ['end', res => res.end('a')],
  ])('captures the head at %s and holds it', async (_name, call) => {
    const { res, hold, wire } = inState('open');
    call(res);
    await turn();
    expect([hold.state, res.headersSent, wire()]).toEqual(['held', true, '']);
  });

  it('lets another protocol begin at a 101', () => {
    const { res, hold } = inState('open');
    res.writeHead(101);
    expect(hold.state).toBe('passing');
  });

  it('sets and removes headers natively', () => {
    const { res } = inState('open');
    res.setHeader('x-item', '1');
    expect([res.getHeader('x-item'), res.headersSent, res.writableEnded]).toEqual(['1', false, false]);
  });

  it('destroys natively', () => {
    const { res, hold } = inState('open');
    res.destroy();
    expect([hold.state, hold.ending, res.destroyed]).toEqual(['passing', 'destroyed', true]);
  });

  it('plays corks only when it is released', () => {
    const { res, hold } = inState('open');
    res.cork();
    expect(res.writableCorked).toBe(0);
    hold.release();
    expect(res.writableCorked).toBe(1);
  });
});

describe('a hold in the state held', () => {
  it.each<[string, (res: NativeResponse) => unknown]>([
    ['writeHead', res => res.writeHead(200)],
    ['setHeader', res => res.setHeader('a', '1')],
    ['removeHeader', res => res.removeHeader('a')],
  ])('refuses %s as Node does after the head', (_name, call) => {
    expect(codeOf(() => call(inState('held').res))).toBe('ERR_HTTP_HEADERS_SENT');
  });

  it('keeps writes until the release, and then sends head and body', async () => {
    const { res, hold, wire } = inState('held');
    res.write('a');
    res.end('b');
    await turn();
    expect([wire(), hold.ended, res.writableEnded]).toEqual(['', true, true]);
    hold.release();
    await turn();
    expect(hold.state).toBe('passing');
    expect(wire()).toMatch(/^HTTP\/1\.1 201 Created\r\nx-item: 1\r\n/);
    // From Node 22 on, both arrive in one chunk.
    expect(wire()).toMatch(/a(?:\r\n.*)?b\r\n0\r\n\r\n$/s);
  });

  it('returns false from a write at the high-water mark, and drains once at the release', async () => {
    const { res, hold, log } = inState('held');
    res.on('drain', () => log.push('drain'));
    expect(res.write('a')).toBe(true);
    expect(res.write('b'.repeat(res.writableHighWaterMark))).toBe(false);
    await turn();
    expect(log).toEqual([]);
    hold.release();
    await turn();
    expect(log).toEqual(['drain']);
  });

  it('calls the callbacks of writes and of the end in order after the release', async () => {
    const { res, hold, log } = inState('held');
    res.write('a', () => log.push('a'));
    res.end('b', () => log.push('end'));
    await turn();
    expect(log).toEqual([]);
    hold.release();
    await turn();
    expect(log).toEqual(['a', 'end']);
  });

  it('destroys after the release', () => {
    const { res, hold } = inState('held');
    res.destroy();
    expect([hold.ending, res.destroyed]).toEqual(['destroyed', false]);
    hold.release();
    expect(res.destroyed).toBe(true);
  });

  it('keeps flushHeaders, flush and corks on the tape', async () => {
    const { res, hold, wire } = inState('held');
    res.flushHeaders();
    res.cork();
    await turn();
    expect([wire(), res.writableCorked, hold.isAwaited]).toEqual(['', 0, true]);
    hold.release();
    expect(res.writableCorked).toBe(1);
  });

  it('releases the tape before a direct call of a method of the prototype', async () => {
    const { res, hold, wire } = inState('held');
    res.write('a');
    ServerResponse.prototype.write.call(res, 'b', 'utf8');
    await turn();
    expect(hold.state).toBe('passing');
    expect(wire()).toMatch(/a(?:\r\n.*)?b\r\n$/s);
  });

  it('drops the body of an answer to HEAD, and calls its callback', async () => {
    const { res, hold, log, wire } = open('HEAD');
    res.write('a', () => log.push('called'));
    res.end();
    hold.release();
    await turn();
    expect(log).toEqual(['called']);
    expect(wire()).toMatch(/\r\n\r\n$/);
  });

  it('gives the innermost waiter its head', () => {
    const { res, hold, log } = inState('open');
    hold.waiters = [
      { answered: () => void log.push('outer') },
      { answered: response => void log.push(`inner ${response.status}`) },
    ];
    res.writeHead(404);
    expect(log).toEqual(['inner 404']);
  });
});

describe('a hold in the state passing', () => {
  it('makes every call natively', async () => {
    const { res, hold, wire } = inState('passing');
    res.setHeader('x-item', '2');
    res.cork();
    expect(res.writableCorked).toBe(1);
    res.uncork();
    res.writeHead(202);
    expect(codeOf(() => res.writeHead(200))).toBe('ERR_HTTP_HEADERS_SENT');
    res.end('native');
    await turn();
    expect([hold.ended, res.writableFinished]).toEqual([true, true]);
    expect(wire()).toMatch(/^HTTP\/1\.1 202 Accepted\r\nx-item: 2\r\n.*native/s);
  });

  it('keeps no tape after the release, and refuses a reader that comes later', async () => {
    const { res, hold } = inState('open');
    res.write('sent');
    const { tape, view } = hold;
    hold.release();
    expect(hold.tape).not.toBe(tape);
    await expect(view.text()).rejects.toMatchObject({ code: 'BODY_CONSUMED' });
  });

  it('keeps the tape after the release for a reader that has started', async () => {
    const { res, hold } = inState('open');
    res.write('sent, ');
    const { tape, view } = hold;
    const text = view.text();
    await turn();
    hold.release();
    expect(hold.tape).toBe(tape);
    res.end('and ended');
    expect(await text).toBe('sent, and ended');
  });

  it('reports an answer that comes after another one', () => {
    const { res, hold, log } = inState('passing');
    hold.onLateAnswer = () => void log.push('late');
    res.end('first');
    expect(log).toEqual([]);
    res.end();
    expect(log).toEqual(['late']);
  });
});

describe('a hold in the state replaced', () => {
  it('sends the other response alone', async () => {
    const { res, wire } = inState('replaced');
    res.writeHead(500);
    res.write('native');
    res.end('native');
    await turn();
    expect(wire()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(wire()).toMatch(/\r\n\r\nother$/);
  });

  it('calls the callbacks of what it drops', async () => {
    const { res, log } = inState('replaced');
    expect(res.write('native', () => log.push('write'))).toBe(true);
    await turn();
    expect(log).toEqual(['write']);
  });

  it('ignores flushHeaders, and destroys nothing', () => {
    const { res, hold } = inState('replaced');
    res.flushHeaders();
    res.destroy();
    expect([hold.state, hold.ending, res.destroyed]).toEqual(['replaced', 'destroyed', false]);
  });

  it('reports a late answer', () => {
    const { res, hold, log } = inState('replaced');
    hold.onLateAnswer = () => void log.push('late');
    res.end('native');
    expect(log).toEqual(['late']);
  });

  it('keeps the writes for a streamed response without notes for a release', async () => {
    const { res, hold } = inState('held');
    hold.replace(new Response(streamed()), 'GET');
    for (const chunk of ['a', 'b']) {
      res.write(chunk);
      await turn();
    }
    expect(hold.tape.takeAll().map(({ chunk, before }) => [chunk, before])).toEqual([
      ['a', undefined],
      ['b', undefined],
    ]);
  });

  it('shows the end of native code', () => {
    const { res, hold } = inState('replaced');
    res.end();
    expect([hold.ended, hold.endedInHold, res.writableEnded]).toEqual([true, true, true]);
  });
});

describe('a hold in the state bypassed', () => {
  it('drops every call and calls its callbacks', async () => {
    const { res, log, wire } = inState('bypassed');
    res.writeHead(500);
    res.cork();
    expect(res.writableCorked).toBe(0);
    res.write('native', () => log.push('write'));
    res.uncork();
    res.end('native');
    await turn();
    expect([log, wire(), res.headersSent, res.writableCorked]).toEqual([['write'], '', false, 0]);
  });

  it('forgets a held head', () => {
    const subject = inState('held');
    subject.hold.bypass();
    expect([subject.hold.state, subject.res.headersSent]).toEqual(['bypassed', false]);
  });
});
