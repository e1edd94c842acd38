import { markFactory } from '../errors.js';
import { isFieldValue, isToken } from '../http/field-syntax.js';
import { addToVary, elementsOf } from '../http/header-rules.js';
import type { Headers } from '../http/headers.js';
import type { Request } from '../http/request.js';
import type { Response } from '../http/response.js';
import { PlainTextResponse } from '../http/responses.js';
import type { Middleware } from './middleware.js';
import { described, flag, integer, list, readOptions } from './options.js';

/** The options of `cors()`: those of Starlette's `CORSMiddleware`. */
export interface CorsOptions {
  /** Origins such as `https://example.com`, as browsers write them, or `*` for all; none by default. */
  allowOrigins?: readonly string[];
  /** Methods, case-sensitive, or `*` for the common ones; `GET` by default. */
  allowMethods?: readonly string[];
  /**
   * Request headers besides `accept`, `accept-language`, `content-language` and `content-type`, or `*` for
   * all.
   */
  allowHeaders?: readonly string[];
  /**
   * Whether requests may carry cookies. With the origin `*`, any site can then act as your users: list the
   * origins.
   */
  allowCredentials?: boolean;
  /** A pattern for whole origins. */
  allowOriginRegex?: RegExp | string;
  /** Whether public sites may call a server in a private network. */
  allowPrivateNetwork?: boolean;
  /** Response headers that scripts may read. */
  exposeHeaders?: readonly string[];
  /** How many seconds a browser may cache the answer to a preflight; 600 by default. */
  maxAge?: number;
}

const allMethods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY'];
const safelisted = ['Accept', 'Accept-Language', 'Content-Language', 'Content-Type'];
const preflightVary =
  'Origin, Access-Control-Request-Method, Access-Control-Request-Headers, ' +
  'Access-Control-Request-Private-Network';

/**
 * Lets browsers call this server from other origins (Fetch, "CORS protocol"): Starlette's `CORSMiddleware`.
 *
 * ```ts
 * layer.addMiddleware(cors({ allowOrigins: ['https://app.example'], allowCredentials: true }));
 * ```
 *
 * Answers a preflight (`OPTIONS` with `origin` and `access-control-request-method`) with 200 or 400. Other
 * requests pass; a response to a disallowed origin merely lacks the header that lets scripts read it. Error
 * responses have the headers too, even the 500 that is made outside all middleware. Throws
 * `MIDDLEWARE_OPTIONS`.
 */
export function cors(given: CorsOptions = {}): Middleware {
  const options = readOptions<Required<Omit<CorsOptions, 'allowOriginRegex'>> & CorsOptions>('cors', given, {
    allowOrigins: list(
      [],
      isOriginOption,
      "a list of origins such as 'https://example.com', in lower case, " +
        "without a path, trailing slash or default port; or ['*']",
    ),
    allowMethods: list(['GET'], isToken, `a list of methods such as 'POST', or ['*']`),
    allowHeaders: list<string>([], isToken, `a list of header names, or ['*']`),
    allowCredentials: flag(false),
    allowOriginRegex: {
      default: undefined as never,
      check: isPattern,
      expected: 'a regular expression, or its source',
    },
    allowPrivateNetwork: flag(false),
    exposeHeaders: list<string>([], isToken, 'a list of header names'),
    maxAge: integer(600),
  });
  const policy = new CorsPolicy(options);
  return described(async function cors(request, callNext) {
    if (isPreflight(request)) return policy.preflight(request.headers);
    const origin = request.headers.get('origin');
    policy.allow(request.errorHeaders, origin);
    const response = await callNext(request);
    policy.allow(response.headers, origin);
    return response;
  }, options);
}
markFactory(cors);

function isPreflight({ method, headers }: Request): boolean {
  return method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method');
}

/** The computed policy. */
class CorsPolicy {
  readonly #origins: ReadonlySet<string>;
  readonly #pattern: RegExp | undefined;
  readonly #methods: readonly string[];
  readonly #headers: ReadonlySet<string> | undefined;
  readonly #isPrivateNetworkAllowed: boolean;
  /** Whether every origin is answered with `*`. */
  readonly #isPublic: boolean;
  readonly #simple: readonly (readonly [name: string, value: string])[];
  readonly #preflight: readonly (readonly [name: string, value: string])[];

  constructor(options: Required<Omit<CorsOptions, 'allowOriginRegex'>> & CorsOptions) {
    const { allowOrigins, allowMethods, allowHeaders, allowCredentials, exposeHeaders } = options;
    this.#origins = new Set(allowOrigins);
    this.#pattern = options.allowOriginRegex === undefined ? undefined : whole(options.allowOriginRegex);
    this.#methods = allowMethods.includes('*') ? allMethods : allowMethods;
    const allowed = [...new Set([...safelisted, ...allowHeaders])].sort();
    const isAnyHeader = allowHeaders.includes('*');
    this.#headers = isAnyHeader ? undefined : new Set(allowed.map(name => name.toLowerCase()));
    this.#isPrivateNetworkAllowed = options.allowPrivateNetwork;
    this.#isPublic = this.#origins.has('*') && !allowCredentials;
    const credentials = allowCredentials ? [['access-control-allow-credentials', 'true'] as const] : [];
    this.#simple = [
      ...credentials,
      ...(exposeHeaders.length > 0
        ? [['access-control-expose-headers', exposeHeaders.join(', ')] as const]
        : []),
    ];
    this.#preflight = [
      ['vary', preflightVary],
      ['access-control-allow-methods', this.#methods.join(', ')],
      ['access-control-max-age', String(options.maxAge)],
      ...(isAnyHeader ? [] : [['access-control-allow-headers', allowed.join(', ')] as const]),
      ...credentials,
    ];
  }

  /** Adds the headers of a response other than a preflight's. */
  allow(headers: Headers, origin: string | null): void {
    addToVary(headers, 'Origin');
    if (origin === null) return;
    const allowed = this.#allowed(origin);
    if (allowed !== undefined) headers.set('access-control-allow-origin', allowed);
    // Inner code has allowed this origin, without these headers.
    else if (headers.has('access-control-allow-origin')) return;
    for (const [name, value] of this.#simple) headers.set(name, value);
  }

  preflight(asked: Headers): Response {
    const { failures, headers } = this.#judge(asked);
    const isAllowed = failures.length === 0;
    const text = isAllowed ? 'OK' : `Disallowed CORS ${failures.join(', ')}`;
    return new PlainTextResponse(text, { status: isAllowed ? 200 : 400, headers });
  }

  #judge(asked: Headers): { failures: string[]; headers: (readonly [string, string])[] } {
    const failures: string[] = [];
    const headers = [...this.#preflight];
    const allowed = this.#allowed(asked.get('origin') ?? '');
    if (allowed === undefined) failures.push('origin');
    else headers.push(['access-control-allow-origin', allowed]);
    if (!this.#methods.includes(asked.get('access-control-request-method') ?? '')) failures.push('method');
    const names = asked.get('access-control-request-headers');
    if (names !== null) {
      if (!this.#areAllowed(names)) failures.push('headers');
      else if (this.#headers === undefined && elementsOf(names).length > 0)
        headers.push(['access-control-allow-headers', names]);
    }
    if (asked.has('access-control-request-private-network')) {
      if (this.#isPrivateNetworkAllowed) headers.push(['access-control-allow-private-network', 'true']);
      else failures.push('private-network');
    }
    return { failures, headers };
  }

  /** Whether request headers are allowed; `*` allows every valid header name. */
  #areAllowed(names: string): boolean {
    const allowed = this.#headers;
    if (allowed === undefined) return isFieldValue(names);
    return elementsOf(names).every(name => allowed.has(name.toLowerCase()));
  }

  /** The value of `access-control-allow-origin`; `undefined` for a disallowed origin. */
  #allowed(origin: string): string | undefined {
    if (this.#isPublic) return '*';
    const isListed = this.#origins.has('*') ? isFieldValue(origin) : this.#origins.has(origin);
    // A loose pattern must not let an invalid value into a header.
    return isListed || (isFieldValue(origin) && this.#pattern?.test(origin)) ? origin : undefined;
  }
}

/** Python's `fullmatch`: a pattern without anchors would allow `https://example.com.evil.net`. */
function whole(pattern: RegExp | string): RegExp {
  const { source, flags } = typeof pattern === 'string' ? new RegExp(pattern) : pattern;
  return new RegExp(`^(?:${source})$`, flags.replace(/[gym]/g, ''));
}

function isPattern(value: unknown): boolean {
  if (Object.prototype.toString.call(value) === '[object RegExp]') return true;
  if (typeof value !== 'string') return false;
  try {
    return new RegExp(value) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Whether a value is an origin as browsers write it (HTML, "serialization of an origin"); any other could
 * never match.
 */
function isOriginOption(value: unknown): boolean {
  if (value === '*' || value === 'null') return true;
  if (typeof value !== 'string' || !/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#,*]+$/.test(value)) return false;
  return !/^https?:/.test(value) || (URL.canParse(value) && new URL(value).origin === value);
}
