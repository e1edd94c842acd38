import { asThrown, markFactory, toError } from '../errors.js';
import { HTTPException } from '../http/http-exception.js';
import type { Request } from '../http/request.js';
import type { Middleware } from './middleware.js';
import { described, optionalFunction, readOptions } from './options.js';

/** The result of `rate-limiter-flexible` for one key. */
export interface RateLimiterResult {
  readonly msBeforeNext: number;
  readonly remainingPoints: number;
}

/** The result of one limiter, or those of a `RateLimiterUnion` by name. */
type Results = RateLimiterResult | Readonly<Record<string, RateLimiterResult>>;

/** The part of a `rate-limiter-flexible` limiter that is used, for any store, and for a union of limiters. */
export interface RateLimiter {
  /** How many points a key may consume in its duration. */
  readonly points?: number;
  /**
   * Rejects with a `RateLimiterResult` if too few points are left, and with an `Error` if the store fails.
   */
  consume(key: string, points: number): Promise<Results>;
}

export interface RateLimitOptions {
  /** A `rate-limiter-flexible` limiter; several servers may share its store. */
  limiter: RateLimiter;
  /**
   * The key to count; by default the client's address, or for IPv6 its /64 network. `undefined` skips the
   * request.
   */
  key?: (request: Request) => string | undefined | Promise<string | undefined>;
  /** How many points a request consumes; 1 by default. */
  points?: (request: Request) => number | Promise<number>;
}

/**
 * Limits how often a client may send requests, with a `rate-limiter-flexible` limiter. Refuses with a 429 and
 * `retry-after`.
 *
 * ```ts
 * const limiter = new RateLimiterRedis({ storeClient: redis, points: 100, duration: 60 });
 * layer.addMiddleware(rateLimit({ limiter }));
 * ```
 *
 * Sets `ratelimit-limit`, `ratelimit-remaining` and `ratelimit-reset` (seconds), as in
 * draft-ietf-httpapi-ratelimit-headers-06. Behind a proxy, clients are distinguished only if the framework
 * trusts it (`trust proxy`, `app.proxy`). If the store fails, so does the request, unless the limiter has an
 * `insuranceLimiter`. Throws `MIDDLEWARE_OPTIONS`.
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

/** Throws an HTTPException of 429, or the error of the store. */
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

/** The strictest of several results; `undefined` without any. Throws the first error among them. */
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

/**
 * The /64 network of an IPv6 address, because one client usually has all of it; an IPv4 address is unchanged.
 */
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
