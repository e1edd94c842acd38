import {
  addToVary,
  cookieLine,
  cookieValues,
  described,
  flag,
  integer,
  isToken,
  type Middleware,
  markFactory,
  misuse,
  type Request,
  readOptions,
  type Session,
  serialize,
  sharedOf,
} from '../../../core/adapter.js';
import { SessionSigner } from './session-signer.js';

export type { Session } from '../../../core/adapter.js';

/** The options of `sessions()`: those of Starlette's `SessionMiddleware`. */
export interface SessionOptions {
  /** The signing secret, or a list: the first one signs and all verify, so that secrets can be rotated. */
  secretKey: string | readonly string[];
  /** The name of the cookie; defaults to `session`. */
  sessionCookie?: string;
  /** Seconds of validity; 14 days by default. `null`: a session cookie, which stays valid if it is kept. */
  maxAge?: number | null;
  /** Defaults to `/`. */
  path?: string;
  /** Defaults to `lax`. */
  sameSite?: 'lax' | 'strict' | 'none';
  /** Whether the cookie is sent over HTTPS only; defaults to `false`. */
  httpsOnly?: boolean;
  domain?: string;
  /** Whether each site that embeds this one gets its own cookie (CHIPS). */
  partitioned?: boolean;
}

type Checked = Omit<Required<SessionOptions>, 'secretKey' | 'domain'> & Pick<SessionOptions, 'domain'>;

/** The longest cookie that browsers keep, in bytes of name and value. */
const mostBytes = 4096;
const empty = '{}';

/**
 * Keeps `request.session` in a signed cookie, like Starlette's `SessionMiddleware`. The cookie has the same
 * format, so a FastAPI service with the same secret can share its sessions.
 *
 * ```ts
 * layer.addMiddleware(sessions({ secretKey: process.env.SECRET_KEY }));
 *
 * const login = endpoint({}, ({ request }) => {
 *   request.session.userId = 42;
 *   return { ok: true };
 * });
 * ```
 *
 * The client can read the session but cannot change it. Only a change, at any depth, sets the cookie: its age
 * is not extended otherwise. Removing all names ends the session. An unsigned cookie, one that is too old or
 * from the future, and invalid JSON give an empty session; of several cookies with the name, the first valid
 * one counts. In native code: `await inject(req, Depends(session))`.
 *
 * Setting or deleting a name after the response has returned to this middleware throws `SESSION_LATE`; a
 * deeper change is not noticed then. Throws `MIDDLEWARE_OPTIONS` when it is built. A session that cannot be
 * JSON, or is too large, fails its request with `NOT_SERIALIZABLE` or `SESSION_TOO_LARGE`.
 */
export function sessions(given: SessionOptions): Middleware {
  const { secretKey, ...options } = readSessionOptions(given);
  const signer = new SessionSigner([secretKey].flat(), options.maxAge);
  return described(
    async function sessions(request, callNext) {
      const shared = sharedOf(request);
      const outer = shared.openSession;
      const session = new RequestSession(() => readSession(request, signer, options.sessionCookie));
      shared.openSession = () => session.open();
      try {
        const response = await callNext(request);
        if (session.isOpen) addToVary(response.headers, 'Cookie');
        const changed = session.changed;
        const line = changed && setCookie(changed, session.wasSent, signer, options);
        if (line !== undefined) response.headers.append('set-cookie', line);
        return response;
      } finally {
        session.close();
        if (outer) shared.openSession = outer;
      }
    },
    { secretKey: '(secret)', ...options },
  );
}
markFactory(sessions);

/** Returns the session, as a dependency: for endpoints, and for native code by `inject`. */
export function session({ request }: { readonly request: Request }): Session {
  return request.session;
}

/** Reads the first valid cookie of the name: a sibling domain can send others beside it. */
function readSession(
  request: Request,
  signer: SessionSigner,
  name: string,
): Record<string, unknown> | undefined {
  for (const value of cookieValues(request.headers.get('cookie'), name)) {
    const session = signer.read(value);
    if (session) return session;
  }
  return undefined;
}

function readSessionOptions(given: SessionOptions): Checked & Pick<SessionOptions, 'secretKey'> {
  const options = readOptions<Checked & Pick<SessionOptions, 'secretKey'>>('sessions', given, {
    secretKey: { check: isSecret, expected: 'a text that is not empty, or a list of them' },
    sessionCookie: { default: 'session', check: isToken, expected: 'the name of a cookie' },
    maxAge: {
      ...integer(14 * 24 * 60 * 60),
      check: (value: unknown) => value === null || integer(0).check(value),
      expected: 'a whole number of seconds, or null',
    } as never,
    path: { default: '/', check: isPath, expected: "a path such as '/'" },
    sameSite: {
      default: 'lax',
      check: value => ['lax', 'strict', 'none'].includes(value as string),
      expected: "'lax', 'strict' or 'none'",
    },
    httpsOnly: flag(false),
    domain: { default: undefined as never, check: isName, expected: 'the name of a host' },
    partitioned: flag(false),
  });
  refuseInVain(options);
  return options;
}

/** Refuses cookies that browsers would silently drop (RFC 6265bis, 5.6 and 5.7). */
function refuseInVain({ sessionCookie, sameSite, partitioned, httpsOnly, path, domain }: Checked): void {
  const wrong = (option: string, expected: string, received: unknown): Error =>
    misuse('MIDDLEWARE_OPTIONS', 'sessions', option, expected, received);
  const isPrefixed = /^__(?:Host|Secure)-/i.test(sessionCookie);
  if ((sameSite === 'none' || partitioned || isPrefixed) && !httpsOnly)
    throw wrong(
      'httpsOnly',
      "true where `sameSite` is 'none', `partitioned` is set or the name says so, as browsers want it",
      false,
    );
  if (/^__Host-/i.test(sessionCookie) && (path !== '/' || domain !== undefined))
    throw wrong('sessionCookie', "a name with `__Host-` for the path '/' and no domain only", sessionCookie);
  if (domain === undefined) return;
  try {
    cookieLine(sessionCookie, '', { domain });
  } catch {
    throw wrong('domain', 'the name of a host', domain);
  }
}

/** Returns the cookie line; `undefined` if the session ended before it was ever sent. */
function setCookie(
  text: string,
  wasSent: boolean,
  signer: SessionSigner,
  options: Checked,
): string | undefined {
  const { sessionCookie, maxAge, path, sameSite, domain, partitioned } = options;
  const attributes = {
    path,
    sameSite,
    httpOnly: true,
    secure: options.httpsOnly,
    partitioned,
    ...(domain === undefined ? {} : { domain }),
  };
  if (text === empty) {
    if (!wasSent) return undefined;
    return cookieLine(sessionCookie, 'null', { ...attributes, expires: new Date(0) });
  }
  const value = signer.sign(text);
  const size = sessionCookie.length + 1 + value.length;
  if (size > mostBytes) throw misuse('SESSION_TOO_LARGE', sessionCookie, size);
  const age = maxAge === null ? {} : { maxAge };
  return cookieLine(sessionCookie, value, { ...attributes, ...age }, raw => raw);
}

/** The session of one request, opened on first use. */
class RequestSession {
  readonly #read: () => Record<string, unknown> | undefined;
  #data: Record<string, unknown> | undefined;
  #session: Session | undefined;
  #before: string | undefined;
  #isClosed = false;
  /** Whether the client sent a valid session. */
  wasSent = false;

  constructor(read: () => Record<string, unknown> | undefined) {
    this.#read = read;
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  /** The JSON of a changed session; `undefined` without a change. */
  get changed(): string | undefined {
    const text = this.#data && serialize(this.#data);
    return text === this.#before ? undefined : text;
  }

  open(): Session {
    if (this.#session) return this.#session;
    const sent = this.#read();
    this.wasSent = sent !== undefined;
    // Without a prototype, every name is only a name.
    this.#data = Object.assign(Object.create(null), sent) as Record<string, unknown>;
    this.#before = serialize(this.#data);
    this.#session = new Proxy(this.#data, this.#handler());
    return this.#session;
  }

  /** Refuses later changes, which would not be saved. */
  close(): void {
    this.#isClosed = true;
  }

  #handler(): ProxyHandler<Record<string, unknown>> {
    const guard = (name: string | symbol): true => {
      if (this.#isClosed) throw misuse('SESSION_LATE', String(name));
      return true;
    };
    return {
      defineProperty: (target, name, property) =>
        guard(name) && Reflect.defineProperty(target, name, property),
      deleteProperty: (target, name) => guard(name) && Reflect.deleteProperty(target, name),
    };
  }
}

function isSecret(value: unknown): boolean {
  const isText = (each: unknown): boolean => typeof each === 'string' && each !== '';
  return isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText));
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && /^\/[\x21-\x3a\x3c-\x7e]*$/.test(value);
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && /^[\w.-]+$/.test(value);
}
