import http, { type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import fc from 'fast-check';
import { type Fuzzed, fuzzedKinds, largestBody, type Watch } from './fuzzed-apps.js';
import { type Sent, sent } from './raw-request.js';
import { exchange, parseResponses, type RawResponse, withoutDates } from './raw-response.js';

/** How many connections test each property; `npm run fuzz` uses more, with its own seed. */
const numRuns = Number(process.env.FUZZ_CONNECTIONS ?? 150);
const seed = process.env.FUZZ_SEED === undefined ? 16 : Number(process.env.FUZZ_SEED);
const minute = 60_000;

const strays: unknown[] = [];
const noteStray = (error: unknown): void => void strays.push(error);

beforeAll(() => process.on('unhandledRejection', noteStray).on('uncaughtException', noteStray));
afterAll(() => process.off('unhandledRejection', noteStray).off('uncaughtException', noteStray));

const totals: string[] = [];
afterAll(() => {
  if (process.env.FUZZ_SEED !== undefined) console.info(totals.join('\n'));
});

function note(title: string, { requests, entered, exited }: Watch): void {
  totals.push(`${title}: ${numRuns} connections, ${requests} requests, ${entered} entered, ${exited} exited`);
}

/** The codes with which Node refused requests; answers in transit are then cut. */
const refused: string[] = [];
function noteRefused(socket: Socket): void {
  socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (code.startsWith('HPE_')) refused.push(code);
  });
}

/** Runs servers on loopback during `use`. */
async function serving(
  listeners: readonly RequestListener[],
  use: (ports: number[]) => Promise<void>,
): Promise<void> {
  const servers = await Promise.all(
    listeners.map(async listener => {
      const server = http.createServer(listener).on('connection', noteRefused);
      // Node would cut answers in transit to a client that has ended its side.
      Object.assign(server, { httpAllowHalfOpen: true });
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  try {
    await use(servers.map(server => (server.address() as AddressInfo).port));
  } finally {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}

async function everything(check: (one: Sent) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(sent, check), { numRuns, seed, endOnFailure: false });
}

/** Expects no crash, no unhandled rejection, and no disagreement between layer and framework. */
function expectCalm(watch: Watch): void {
  expect(strays.splice(0)).toEqual([]);
  expect(watch.differences.splice(0)).toEqual([]);
}

async function expectSettled({ layer }: Fuzzed, watch: Watch): Promise<void> {
  expect(await layer.close({ timeoutMs: 5_000 })).toEqual({ responses: [], exits: [], tasks: [] });
  expect(watch.exited).toBe(watch.entered);
  expect(watch.entered).toBeGreaterThan(0);
}

const quiet = (): Watch => ({ requests: 0, entered: 0, exited: 0, differences: [] });

describe.each(fuzzedKinds)('on $name, with arbitrary bytes from a client', kind => {
  it(
    'the app sends the same bytes as without a layer',
    async () => {
      const watch = quiet();
      const fuzzed = kind.transparent(watch);
      await serving([kind.bare(), fuzzed.listener], async ([bare = 0, layered = 0]) => {
        await everything(async one => {
          const [theirs, ours] = await Promise.all([exchange(bare, one), exchange(layered, one)]);
          expect(ours.hangs).toBe(false);
          expectCalm(watch);
          if (isAnsweredWhole(one) && isNative(one))
            expect(withoutDates(ours.bytes)).toBe(withoutDates(theirs.bytes));
        });
        await expectSettled(fuzzed, watch);
      });
      note(`${kind.name}, transparent`, watch);
    },
    60 * minute,
  );

  it.each([
    ['over http', false],
    ['sent on to https', true],
  ])(
    'every built-in sends complete responses, %s',
    async (title, isSecure) => {
      const watch = quiet();
      const fuzzed = kind.full(watch, isSecure);
      await serving([fuzzed.listener], async ([port = 0]) => {
        await everything(async one => {
          const { bytes, hangs } = await exchange(port, one);
          expect(hangs).toBe(false);
          expectCalm(watch);
          if (isAnsweredWhole(one))
            for (const response of parseResponses(bytes, one.methods)) expectSafe(response);
        });
        if (!isSecure) await expectSettled(fuzzed, watch);
      });
      note(`${kind.name}, every built-in, ${title}`, watch);
    },
    60 * minute,
  );
});

/**
 * Whether every answer must be complete. When Node refuses a request, it cuts earlier answers, and it puts
 * the `100 Continue` of a waiting request between the head and the body of the answer before it.
 */
function isAnsweredWhole({ leaves, methods, text }: Sent): boolean {
  const isRefused = refused.splice(0).length > 0;
  const isMixedUp = methods.length > 1 && /100-continue/i.test(text);
  // `bodyLimit()` cuts an answer that streams a request body which proves too large.
  const isTooLarge = text.length > largestBody;
  return leaves === 'ends' && !isRefused && !isMixedUp && !isTooLarge;
}

function isNative({ text }: Sent): boolean {
  return !/\/(file|events|session|form|body|redirect|streamed|admin)/i.test(text);
}

function expectSafe({ status, headers }: RawResponse): void {
  expect([200, 204, 206, 303, 304, 307, 400, 404, 405, 413, 415, 416, 417, 418, 422, 431]).toContain(status);
  const allowed = headers.get('access-control-allow-origin');
  if (allowed) expect(allowed).toEqual(['https://app.example']);
  const [location] = headers.get('location') ?? [];
  if (location !== undefined)
    expect(new URL(location, 'http://test/').hostname).toMatch(/^(\[::1\]|(.+\.)?test)$/);
}
