// Tests middleware that reads a part of a body, or takes a clone of it, and stops there.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  Depends,
  endpoint,
  FileResponse,
  Layer,
  type Middleware,
  PlainTextResponse,
  type Response,
  StreamingResponse,
} from 'callnext';
import { EventLog, gate } from '../support/events.js';
import { listening, mounts } from '../support/frameworks.js';

const folder = mkdtempSync(path.join(tmpdir(), 'callnext-left-'));
const file = path.join(folder, 'large.bin');
beforeAll(() => writeFileSync(file, Buffer.alloc(1_000_000, 'x')));
afterAll(() => rmSync(folder, { recursive: true }));

/** The number of open descriptors of the file in this process. */
async function openFiles(): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter(link => link === file).length;
}

const leavings: [string, (response: Response) => unknown][] = [
  ['reads a part of it', response => response.body?.getReader().read()],
  ['leaves a loop over it', async response => (await response.body?.[Symbol.asyncIterator]().next())?.value],
  ['takes a clone', response => response.clone()],
  ['takes a stream', response => response.body],
  ['reads a part of a clone', response => response.clone().body?.getReader().read()],
];

let log: EventLog;
beforeEach(() => {
  log = new EventLog();
});

async function* getDb() {
  yield 'db';
  log.add('exit');
}

describe.each(mounts)('on $name', ({ app }) => {
  /** Not a generator: closing one that has not started runs none of its code. */
  const rows = (): AsyncIterable<string> => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ value: 'row', done: false }),
      async return() {
        await new Promise(resolve => setImmediate(resolve));
        log.add('closed');
        return { value: undefined, done: true };
      },
    }),
  });
  const leaving =
    (leave: (response: Response) => unknown): Middleware =>
    async (request, callNext) => {
      await leave(await callNext(request));
      return new PlainTextResponse('other');
    };
  const serve = async (leave: (response: Response) => unknown, make: () => Response): Promise<void> => {
    const layer = new Layer({ middleware: [leaving(leave)], onError: error => log.add(error.message) });
    const listener = app()
      .use(layer)
      .at('/', endpoint({ db: Depends(getDb) }, make))
      .listener();
    await listening(listener, async url => {
      expect(await (await fetch(url)).text()).toBe('other');
      await log.until('exit');
      await layer.close();
    });
  };

  it.each(leavings)(
    'a body closes before its dependencies exit when a middleware %s',
    async (_how, leave) => {
      await serve(leave, () => new StreamingResponse(rows()));
      expect(log.events).toEqual(['closed', 'exit']);
    },
  );

  it.each(leavings)(
    'a file closes after another answer was sent when a middleware %s',
    async (_how, leave) => {
      const left: number[] = [];
      async function* getFiles() {
        yield 'files';
        left.push(await openFiles());
        log.add('exit');
      }
      const layer = new Layer({ middleware: [leaving(leave)], dependencies: [Depends(getFiles)] });
      const listener = app()
        .use(layer)
        .at(
          '/',
          endpoint({}, () => new FileResponse(file)),
        )
        .listener();
      await listening(listener, async url => {
        expect(await (await fetch(url)).text()).toBe('other');
        await log.until('exit');
      });
      expect(left).toEqual([0]);
    },
  );

  it('a body with an unread clone closes before its dependencies exit when its client leaves', async () => {
    const cloning: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      response.clone();
      return response;
    };
    const layer = new Layer({ middleware: [cloning], onError: error => log.add(error.message) });
    const listener = app()
      .use(layer)
      .at(
        '/',
        endpoint({ db: Depends(getDb) }, () => new StreamingResponse(rows())),
      )
      .listener();
    await listening(listener, async (_url, port) => {
      const request = http.get({ port, host: '127.0.0.1', agent: false });
      request.on('error', () => undefined);
      const response = await new Promise<http.IncomingMessage>(resolve => request.once('response', resolve));
      response.on('error', () => undefined);
      await new Promise(resolve => response.once('data', resolve));
      request.destroy();
      await log.until('exit');
    });
    expect(log.events).toEqual(['closed', 'exit']);
  });
});

// Koa destroys the stream that was its body.
describe.each(mounts.filter(({ isKoa }) => !isKoa))('on $name', ({ app }) => {
  it('a slow reader of a replaced body gets all of it', async () => {
    const seen = gate<string>();
    const answered = gate();
    async function* pieces() {
      yield 'first ';
      await answered.opened;
      for (const piece of ['second ', 'third']) {
        await new Promise(resolve => setImmediate(resolve));
        yield piece;
      }
    }
    const reading: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      response.clone().text().then(seen.open);
      return new PlainTextResponse('other');
    };
    const listener = app()
      .use(reading)
      .at(
        '/',
        endpoint({ db: Depends(getDb) }, () => new StreamingResponse(pieces())),
      )
      .listener();
    await listening(listener, async url => {
      await (await fetch(url)).text();
      await log.until('exit');
      answered.open();
      expect(await seen.opened).toBe('first second third');
    });
  });
});
