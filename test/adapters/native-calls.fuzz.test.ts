import type http from 'node:http';
import type { Middleware } from 'callnext';
import { toNode } from 'callnext/node';
import fc from 'fast-check';
import { listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

/** One call, by name and arguments. */
type Call = readonly [name: string, ...args: unknown[]];

const name = fc.constantFrom('X-A', 'x-a', 'X-B', 'Content-Type', 'Set-Cookie', 'Content-Length');
const value = fc.constantFrom<unknown>('1', 'text/plain', ['a=1', 'b=2'], 4, 'bad\nvalue');
const status = fc.constantFrom(200, 201, 204, 304, 404, 500, 42, 1000);
const chunk = fc.constantFrom<unknown>('', 'text', 'é', Buffer.from([0, 255]), null, 7);
const good = fc.tuple(name, fc.constantFrom<unknown>('1', 'text/plain', ['a=1', 'b=2']));
const bad = fc.tuple(name, fc.constantFrom<unknown>('1', 'bad\nvalue', undefined));
const pairs = fc.oneof(fc.array(good, { maxLength: 3 }), fc.array(bad, { maxLength: 2 }));
const headers = fc.oneof(
  pairs.map(each => Object.fromEntries(each)),
  pairs.map(each => each.flat()),
  fc.constantFrom<unknown>(['odd'], { 'bad name': '1' }),
);

const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('setHeader'), name, value) },
  fc.tuple(fc.constant('appendHeader'), name, fc.constantFrom('1', '2')),
  fc.tuple(fc.constant('removeHeader'), name),
  fc.tuple(fc.constant('statusCode'), status),
  fc.tuple(fc.constant('statusMessage'), fc.constantFrom('Fine', 'b\nad')),
  fc.tuple(fc.constant('writeHead'), status),
  fc.tuple(fc.constant('writeHead'), status, headers),
  fc.tuple(fc.constant('writeHead'), status, fc.constant('Fine'), headers),
  { weight: 3, arbitrary: fc.tuple(fc.constant('write'), chunk) },
  fc.tuple(fc.constant('write'), fc.constant('é'), fc.constant('latin1')),
  fc.tuple(fc.constant('write'), fc.constant('aGk='), fc.constant('base64')),
  fc.tuple(fc.constant('flushHeaders')),
  fc.tuple(fc.constant('addTrailers'), fc.constant({ 'X-Sum': '1' })),
);
/** Pauses between calls; after the end, the middleware takes its time. */
const pause = fc.constantFrom<Call>(['turn'], ['cork'], ['uncork']);
const informational: fc.Arbitrary<Call> = fc.constantFrom<Call>(
  ['writeEarlyHints', { link: '</a.css>; rel=preload' }],
  ['writeProcessing'],
);

const ending = fc.constantFrom<Call>(['end'], ['end', ''], ['end', 'text'], ['end', Buffer.from([0, 255])]);

/**
 * Node loses bytes written in the tick in which the response is destroyed, unless they were flushed or
 * uncorked.
 */
const away: fc.Arbitrary<Call[]> = fc.constant([['turn'], ['destroy']]);

/** Calls, the end, and later calls. */
const program = fc
  .tuple(
    fc.array(fc.oneof({ weight: 12, arbitrary: call }, { weight: 3, arbitrary: pause }, informational), {
      maxLength: 7,
    }),
    fc.oneof({ weight: 9, arbitrary: ending.map(end => [end]) }, away),
    fc.oneof(fc.array(fc.oneof(call, ending), { maxLength: 2 }), fc.constant<Call[]>([['destroy']])),
  )
  .map(parts => parts.flat() as Call[])
  // Node loses corked bytes if the response is destroyed or its end throws.
  .filter(calls => !isAbout(calls, 'cork', 'uncork') || !isAbout(calls, 'destroy', ...informationals));

const informationals = ['writeEarlyHints', 'writeProcessing'];

function isAbout(calls: readonly Call[], ...names: string[]): boolean {
  return calls.some(([called]) => names.includes(called));
}

/** Runs a program on a response, and records everything it can observe. */
async function run(calls: readonly Call[], res: http.ServerResponse, seen: unknown[]): Promise<void> {
  res.on('error', error => seen.push(['error', codeOf(error)]));
  res.on('finish', () => seen.push('finish'));
  // Copied, because Node appends to the arrays that it receives, and the same program runs twice.
  for (const [index, [method, ...args]] of structuredClone(calls).entries()) {
    seen.push([index, res.headersSent, res.writableEnded, res.getHeader('x-a')]);
    // Node lets a sent status be set, without effect; here it stays what it was.
    if (!res.headersSent) seen.push(res.statusCode);
    // Node would write an informational response into the middle of the body.
    if (res.headersSent && informationals.includes(method)) continue;
    try {
      if (method === 'turn') await new Promise(resolve => setImmediate(resolve));
      else if (method === 'statusCode' || method === 'statusMessage') Reflect.set(res, method, args[0]);
      else {
        const done = method === 'write' || method === 'end' ? [callbackOf(index, seen)] : [];
        const returned: unknown = Reflect.apply(Reflect.get(res, method), res, [...args, ...done]);
        seen.push(returned === res ? 'res' : returned);
      }
    } catch (error) {
      seen.push(codeOf(error));
    }
  }
  try {
    if (!res.writableEnded) res.end();
  } catch (error) {
    seen.push(codeOf(error));
    res.destroy();
  }
}

function callbackOf(index: number, seen: unknown[]): (error?: Error | null) => void {
  return error => seen.push([`callback ${index}`, error ? codeOf(error) : undefined]);
}

function codeOf(error: unknown): unknown {
  return (error as { code?: string }).code ?? String(error);
}

const passing: Middleware = (request, callNext) => callNext(request);
const delayed: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await new Promise(resolve => setImmediate(resolve));
  return response;
};

/**
 * Sorts what differs by design: during the hold, callbacks and events arrive with the bytes, after later
 * calls and after callbacks that are refused at once.
 */
function settled(seen: readonly unknown[]): { calls: unknown[]; later: unknown[]; refused: unknown[] } {
  const isRefused = (each: unknown): boolean =>
    Array.isArray(each) && each[1] === 'ERR_STREAM_ALREADY_FINISHED';
  const isLater = (each: unknown): boolean =>
    each === 'finish' || (Array.isArray(each) && typeof each[0] === 'string');
  return {
    calls: seen.filter(each => !isLater(each)),
    later: seen.filter(each => isLater(each) && !isRefused(each)),
    refused: seen.filter(isRefused),
  };
}

const traces = [
  '_hasBody',
  '_contentLength',
  '_last',
  '_defaultKeepAlive',
  'shouldKeepAlive',
  'chunkedEncoding',
  '_removedConnection',
  '_removedContLen',
  '_removedTE',
];

/**
 * Makes Node forget a refused head, which would affect the framing of the next one; a hold forgets it too.
 */
function withoutTraces(listener: http.RequestListener): http.RequestListener {
  return (req, res) => {
    for (const method of ['writeHead', 'write', 'end', 'flushHeaders']) {
      const original = Reflect.get(res, method) as (...args: unknown[]) => unknown;
      Reflect.set(res, method, (...args: unknown[]): unknown => {
        const before = traces.map(trace => [trace, Reflect.get(res, trace)]);
        try {
          return Reflect.apply(original, res, args);
        } catch (error) {
          if (!res.headersSent) Object.assign(res, Object.fromEntries(before));
          throw error;
        }
      });
    }
    listener(req, res);
  };
}

async function observe(
  calls: readonly Call[],
  method: string,
  wrap: (listener: http.RequestListener) => http.RequestListener,
) {
  const seen: unknown[] = [];
  let ran: Promise<void> | undefined;
  const listener = wrap((_req, res) => {
    ran = run(calls, res, seen);
  });
  const wire = await listening(listener, (_url, port) => exchangeOnWire(port, '/', method));
  await ran;
  // Waits for effects that the last call has deferred by a tick.
  await new Promise(resolve => setImmediate(resolve));
  return { wire, ...settled(seen) };
}

describe('random native calls', () => {
  it.each([
    ['GET', passing],
    ['GET', delayed],
    ['HEAD', delayed],
  ])(
    'on %s look the same with a layer, to the client and to native code',
    async (method, middleware) => {
      await fc.assert(
        fc.asyncProperty(program, async calls => {
          const native = await observe(calls, method, withoutTraces);
          const layered = await observe(
            calls,
            method,
            listener => toNode(middleware, listener as never) as http.RequestListener,
          );
          expect(layered).toEqual(native);
        }),
        { numRuns: Number(process.env.FUZZ_RUNS ?? 150), seed: Number(process.env.FUZZ_SEED ?? 20_261_122) },
      );
    },
    600_000,
  );
});
