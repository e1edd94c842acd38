import type http from 'node:http';
import net from 'node:net';
import { Depends, Layer } from 'callnext';
import { backgroundTasks, inject, toNode } from 'callnext/node';
import { ask } from '../support/ask.js';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

const around = (log: EventLog): Layer =>
  new Layer({
    middleware: [(request, callNext) => callNext(request)],
    onError: error => void log.add(error.message),
  });

describe('the path of a request', () => {
  it('ends for pipelined requests that reach the layer after the connection closed', async () => {
    const log = new EventLog();
    const layer = around(log);
    async function* getDb(): AsyncGenerator<string> {
      try {
        yield 'db';
      } finally {
        log.add('exit');
      }
    }
    const db = Depends(getDb);
    const handle = toNode(layer, async (req, res) => {
      await inject(req, db);
      res.end('ok');
    }) as http.RequestListener;
    const gone = gate();
    const come: (() => void)[] = [];
    const listener: http.RequestListener = (req, res) => {
      come.push(() => handle(req, res));
      if (come.length === 3) req.socket.once('close', () => setImmediate(gone.open)).destroy();
    };
    await listening(listener, async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
      socket.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n'.repeat(3));
      await gone.opened;
      for (const begin of come) begin();
      const undone = await layer.close({ timeoutMs: 1000 });
      expect(undone).toEqual({ responses: [], exits: [], tasks: [] });
      socket.destroy();
    });
    expect(log.events).toEqual(['exit', 'exit', 'exit']);
  });

  it('rejects a task that comes while the files of its form are removed', async () => {
    const log = new EventLog();
    const layer = around(log);
    layer.addMiddleware(async (request, callNext) => {
      await request.form();
      return callNext(request);
    });
    const handle = toNode(layer, (req, res) => {
      res.on('close', () =>
        setImmediate(() => {
          try {
            backgroundTasks(req).addTask(() => log.add('task'));
            log.add('added');
          } catch (error) {
            log.add((error as { code: string }).code);
          }
        }),
      );
      res.end('ok');
    }) as http.RequestListener;
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n';
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const body = `${head}${'x'.repeat(2_000_000)}\r\n--b--\r\n`;
    await listening(handle, async (_url, port) => {
      await ask(port, { method: 'POST', headers, body });
      await layer.close();
      await log.until('TASK_LATE');
    });
    expect(log.events).toEqual(['TASK_LATE']);
  });

  it('passes outer foreign methods as many arguments as native code gave', async () => {
    const given: number[] = [];
    const released = gate();
    const handle = toNode(around(new EventLog()), async (_req, res) => {
      res.write('a');
      await released.opened;
      res.write('b', () => undefined);
      res.end();
    }) as http.RequestListener;
    const listener: http.RequestListener = (req, res) => {
      for (const name of ['write', 'end'] as const) {
        const method = res[name] as (...args: unknown[]) => never;
        res[name] = (...args: unknown[]) => {
          given.push(args.length);
          setImmediate(released.open);
          return method.apply(res, args);
        };
      }
      handle(req, res);
    };
    await listening(listener, async (_url, port) => {
      expect(await exchangeOnWire(port, '/')).toMatchObject({ cut: false });
    });
    expect(given).toEqual([1, 2, 0]);
  });

  it.each([[''], [null], [undefined]])(
    'keeps a callback behind the chunk %p from what would take it for a chunk further out',
    async chunk => {
      const given: string[] = [];
      const log = new EventLog();
      const handle = toNode(around(log), (_req, res) => {
        res.end(chunk, () => log.add('ended'));
      }) as http.RequestListener;
      const listener: http.RequestListener = (req, res) => {
        const end = res.end as (...args: unknown[]) => never;
        // The methods of express-session and compression take two parameters; the first is a chunk.
        res.end = (first: unknown, ...rest: unknown[]) => {
          given.push(typeof first);
          return end.call(res, first, ...rest);
        };
        handle(req, res);
      };
      await listening(listener, async (_url, port) => {
        expect(await exchangeOnWire(port, '/')).toMatchObject({ cut: false });
      });
      expect(given).not.toContain('function');
      expect(log.events).toEqual(['ended']);
    },
  );
});
