// Tests broken uploads, which the server itself answers: with 400, 408, or the app's own page.
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { type CallnextError, Depends, endpoint, type Injected, Layer, type Middleware } from 'callnext';
import { toNode } from 'callnext/node';
import { EventLog } from '../support/events.js';
import { mounts } from '../support/frameworks.js';

type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => unknown;
type Handler = (injected: Injected) => Promise<string>;

/** A place to mount an endpoint and native code below a layer. */
interface Place {
  readonly name: string;
  readonly endpoint: (layer: Layer, handler: Handler) => http.RequestListener;
  readonly native: (layer: Layer, listener: Listener) => http.RequestListener;
}

const places: readonly Place[] = [
  ...mounts.map(({ name, app }) => ({
    name,
    endpoint: (layer: Layer, handler: Handler) => app().use(layer).at('/', endpoint({}, handler)).listener(),
    native: (layer: Layer, listener: Listener) => app().use(layer).native('/', listener).listener(),
  })),
  {
    name: 'toNode',
    endpoint: (layer, handler) => toNode(layer, toNode(endpoint({}, handler))),
    native: (layer, listener) => toNode(layer, listener),
  },
];

const get = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: test\r\n';
const part = `${post}Content-Length: 100\r\n\r\npart`;
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n`;
const page = 'HTTP/1.1 400 Mine\r\nConnection: close\r\n\r\n';
const soon = { connectionsCheckingInterval: 10, requestTimeout: 50, headersTimeout: 50 };

/** A client that sends a request, and breaks it off while it is being handled. */
interface Break {
  readonly title: string;
  readonly send?: string;
  readonly leave?: (socket: net.Socket) => unknown;
  readonly options?: http.ServerOptions;
  readonly prepare?: (server: http.Server) => unknown;
  /** The connection has already served another request. */
  readonly isUsed?: true;
}
const end = (socket: net.Socket): unknown => socket.end();
const breaks: readonly Break[] = [
  { title: 'leaves in its upload', leave: end },
  { title: 'leaves in its upload on a connection that was used before', leave: end, isUsed: true },
  { title: 'resets its upload', leave: socket => socket.resetAndDestroy() },
  { title: 'sends garbage in its upload', send: chunked, leave: socket => socket.write('BOOM\r\n') },
  { title: 'sends garbage behind its request', send: get, leave: socket => socket.write('BOOM\r\n\r\n') },
  { title: 'leaves with another request behind', send: get + part, leave: end },
  { title: 'uploads too slowly for the server', options: soon },
  {
    title: 'leaves in its upload and gets a page of the app',
    leave: end,
    prepare: server => server.on('clientError', (_error, socket) => socket.end(page)),
  },
  {
    title: 'leaves in its upload and gets the only page of the app',
    leave: end,
    prepare: server => server.once('clientError', (_error, socket) => socket.end(page)),
  },
  {
    title: 'uploads too slowly for the app',
    prepare: server => server.setTimeout(50, socket => socket.end(page)),
  },
];

/** Whether the first request is complete. */
function isWhole({ send }: Break): boolean {
  return send?.startsWith(get) === true;
}

/** By then, the effects of a closed connection have arrived. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve));
}

describe.each(places)('on $name, a client', place => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });

  async function* getDb({ backgroundTasks }: Injected): AsyncGenerator<string> {
    log.add('BEGIN');
    backgroundTasks.addTask(log.add, 'task');
    try {
      yield 'db';
      log.add('COMMIT');
    } catch (error) {
      log.add('ROLLBACK');
      throw error;
    }
  }
  const watching: Middleware = async (request, callNext) => {
    try {
      const response = await callNext(request);
      log.add(`callNext gave ${response.status}`);
      return response;
    } catch (error) {
      log.add(`callNext threw ${(error as Error).name}`);
      throw error;
    }
  };
  const newLayer = (): Layer =>
    new Layer({
      middleware: [watching],
      dependencies: [Depends(getDb)],
      onError: (error, { phase }) =>
        log.add(`reported ${phase}: ${(error as CallnextError).code ?? error.message}`),
    });

  /** Serves one request. Resolves after its last task. */
  async function serve(
    mount: (layer: Layer) => http.RequestListener,
    client: (port: number) => Promise<unknown>,
    { options = {}, prepare }: Partial<Break> = {},
  ): Promise<readonly string[]> {
    log = new EventLog();
    const layer = newLayer();
    const listener = mount(layer);
    let isFirst = true;
    const server = http.createServer(options, (req, res) => {
      if (req.url === '/used') return res.end('used');
      if (!isFirst) return;
      isFirst = false;
      req.socket.once('close', () => log.add('closed'));
      listener(req, res);
    });
    prepare?.(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    await client((server.address() as AddressInfo).port);
    await log.until('closed');
    await turns();
    expect(await layer.close()).toEqual({ responses: [], exits: [], tasks: [] });
    // `fetch` replaces the connection that it has closed.
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
    return log.events;
  }

  async function breakOff(port: number, { send = part, leave, isUsed }: Break): Promise<void> {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    if (isUsed) {
      socket.write('GET /used HTTP/1.1\r\nHost: test\r\n\r\n');
      await new Promise(resolve => socket.once('data', resolve));
    }
    socket.resume().write(send);
    await log.until('at work');
    leave?.(socket);
  }

  const working = async (): Promise<string> => {
    log.add('at work');
    await log.until('closed');
    await turns();
    log.add('ends');
    return 'nobody reads this';
  };
  const failing = async (): Promise<never> => {
    await working();
    throw new Error('failed');
  };
  const uploaded: Listener = async (req, res) => {
    log.add('at work');
    await new Promise(resolve =>
      req
        .on('error', () => undefined)
        .resume()
        .on('end', resolve),
    );
    await log.until('closed');
    res.end('nobody reads this');
  };
  const committed = ['BEGIN', 'at work', 'closed', 'ends', 'callNext gave 200', 'COMMIT', 'task'];
  const dropped = 'reported background: TASK_DROPPED';

  it.each(breaks)('that $title, does not disturb a running endpoint', async row => {
    const events = await serve(
      layer => place.endpoint(layer, working),
      port => breakOff(port, row),
      row,
    );
    expect(events).toEqual(committed);
  });

  it.each(breaks)('that $title, leaves a throwing endpoint to roll back', async row => {
    const events = await serve(
      layer => place.endpoint(layer, failing),
      port => breakOff(port, row),
      row,
    );
    expect(events).toEqual([
      'BEGIN',
      'at work',
      'closed',
      'ends',
      'ROLLBACK',
      dropped,
      'callNext threw Error',
      'reported response: failed',
    ]);
  });

  it.each(breaks.filter(isWhole))('that $title, does not disturb native code that answers', async row => {
    const events = await serve(
      layer => place.native(layer, uploaded),
      port => breakOff(port, row),
      row,
    );
    const answered = ['callNext gave 200', 'COMMIT', 'task'];
    expect(events).toEqual(['BEGIN', 'at work', 'closed', ...answered]);
  });

  const isBroken = (row: Break): boolean => !isWhole(row);
  it.each(breaks.filter(isBroken))('that $title, makes callNext reject above native code', async row => {
    const events = await serve(
      layer => place.native(layer, uploaded),
      port => breakOff(port, row),
      row,
    );
    const rolledBack = ['ROLLBACK', dropped, 'callNext threw ClientDisconnect'];
    expect(events).toEqual(['BEGIN', 'at work', 'closed', ...rolledBack]);
  });

  it('that aborts a fetch in its upload, does not disturb a running endpoint', async () => {
    const abort = new AbortController();
    const client = async (port: number): Promise<void> => {
      const body = new ReadableStream({ start: controller => controller.enqueue(Buffer.from('part')) });
      const asked = { method: 'POST', body, duplex: 'half', signal: abort.signal } as RequestInit;
      const fetched = fetch(`http://127.0.0.1:${port}`, asked);
      await log.until('at work');
      abort.abort();
      await expect(fetched).rejects.toThrow('aborted');
    };
    expect(await serve(layer => place.endpoint(layer, working), client)).toEqual(committed);
  });

  it('that leaves after early hints, does not disturb a running endpoint', async () => {
    const hinting: Handler = ({ request }) => {
      const { res } = request.raw as { res: http.ServerResponse };
      res.writeEarlyHints({ link: '</style.css>; rel=preload' });
      return working();
    };
    const client = async (port: number): Promise<void> => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write(get));
      socket.on('error', () => undefined);
      await new Promise(resolve => socket.once('data', resolve));
      socket.destroy();
    };
    expect(await serve(layer => place.endpoint(layer, hinting), client)).toEqual(committed);
  });
});
