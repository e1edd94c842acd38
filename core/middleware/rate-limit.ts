import { asThrown, markFactory, toError } from '../errors.js';
import { HTTPException } from '../http/http-exception.js';
import type { Request } from '../http/request.js';
import type { Middleware } from './middleware.js';
import { described, optionalFunction, readOptions } from './options.js';

/** What `rate-limiter-flexible` tells of a key. */
export interface RateLimiterResult {
  readonly msBeforeNext: number;
  readonly remainingPoints: number;
}

/** Those of several limiters, by name: what a `RateLimiterUnion` tells. */
type Results = RateLimiterResult | Readonly<Record<string, RateLimiterResult>>;

/**
 * The slice of a limiter of `rate-limiter-flexible` that is used: of its memory, Redis, Postgres, … ones, and
 * of a union of them.
 */
export interface RateLimiter {
  /** What a key has in its time. */
  readonly points?: number;
  /**
   * Rejects with a `RateLimiterResult` where there are not enough left, and with an `Error` where the store
   * fails.
   */
  consume(key: string, points: number): Promise<Results>;
}

/** The options of `rateLimit()`. */
export interface RateLimitOptions {
  /** A limiter of `rate-limiter-flexible`, whose store may be shared by several servers. */
  limiter: RateLimiter;
  /**
   * Who is counted; unless set, the address of the client, of IPv6 its network of 64 bits. `undefined` is not
   * counted.
   */
  key?: (request: Request) => string | undefined | Promise<string | undefined>;
  /** How many points a request takes; 1 unless set. */
  points?: (request: Request) => number | Promise<number>;
}

/**
 * Lets a client ask so often and not more: a 429 with `retry-after`, counted by a limiter of
 * `rate-limiter-flexible`.
 *
 * ```ts
 * const limiter = new RateLimiterRedis({ storeClient: redis, points: 100, duration: 60 });
 * layer.addMiddleware(rateLimit({ limiter }));
 * ```
 *
 * Responses tell what is left: `ratelimit-limit`, `ratelimit-remaining` and `ratelimit-reset` (seconds), as
 * in draft-ietf-httpapi-ratelimit-headers-06. Behind a proxy the client is known only where the framework
 * trusts it (`trust proxy`, `app.proxy`). A store that fails makes the request fail; give the limiter an
 * `insuranceLimiter` to go on without it. Throws `MIDDLEWARE_OPTIONS` when it is built.
 */
export function rateLimit(given: RateLimitOptions): Middleware {
  const options = readOptions<Required<RateLimitOptions>>('rateLimit', given, {
    limiter: {
      check: isLimiter,
      expected: 'a limiter of `rate-limiter-flexible`, with a method `consume(key, points)`',
    },
    key: optionalFunction('a function (request) => string', networkOf),
    points: optionalFunction('a function (request) => number', one),
  });
  const { limiter, key, points } = options;
  return described(async function rateLimit(request, callNext) {
    const counted = await key(request);
    if (counted === undefined) return callNext(request);
    const headers = headersOf(limiter, await consume(limiter, counted, await points(request)));
    for (const [name, value] of Object.entries(headers)) request.errorHeaders.set(name, value);
    const response = await callNext(request);
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    return response;
  }, options);
}
markFactory(rateLimit);

function one(): number {
  return 1;
}

/** Throws an HTTPException of 429, and what the store fails with. */
async function consume(limiter: RateLimiter, key: string, points: number): Promise<RateLimiterResult> {
  try {
    return strictest(await limiter.consume(key, points)) ?? nothingLeft;
  } catch (refused) {
    const result = strictest(asThrown(toError(refused)));
    if (!result) throw refused;
    const headers = headersOf(limiter, result);
    throw new HTTPException(429, undefined, { headers: { ...headers, 'retry-after': secondsOf(result) } });
  }
}

const nothingLeft: RateLimiterResult = { msBeforeNext: 0, remainingPoints: 0 };

/**
 * Of several results the one that a client has to heed; `undefined` for what is none. Throws an error that is
 * among them.
 */
function strictest(told: unknown): RateLimiterResult | undefined {
  if (isResult(told)) return told;
  if (typeof told !== 'object' || told === null || told instanceof Error) return undefined;
  const results = Object.values(told);
  const failure = results.find(result => result instanceof Error);
  if (failure) throw failure;
  const known = results.filter(isResult);
  if (known.length === 0) return undefined;
  return {
    msBeforeNext: Math.max(...known.map(({ msBeforeNext }) => msBeforeNext)),
    remainingPoints: Math.min(...known.map(({ remainingPoints }) => remainingPoints)),
  };
}

function headersOf(limiter: RateLimiter, result: RateLimiterResult): Record<string, string> {
  const limit = limiter.points === undefined ? {} : { 'ratelimit-limit': String(limiter.points) };
  const remaining = String(Math.max(0, result.remainingPoints));
  return { ...limit, 'ratelimit-remaining': remaining, 'ratelimit-reset': secondsOf(result) };
}

function secondsOf({ msBeforeNext }: RateLimiterResult): string {
  return String(Math.max(1, Math.ceil(msBeforeNext / 1000)));
}

function isResult(value: unknown): value is RateLimiterResult {
  return typeof value === 'object' && value !== null && !(value instanceof Error) && 'msBeforeNext' in value;
}

function isLimiter(value: unknown): boolean {
  const { consume } = (value ?? {}) as { consume?: unknown };
  return typeof consume === 'function';
}

/** Who has one address of IPv6 has all those of its network. */
function networkOf({ client }: Request): string | undefined {
  const host = client?.host ?? '';
  if (!host.includes(':')) return host;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = host.split('%', 1).join().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array(Math.max(0, 8 - before.length - after.length)).fill('0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}
