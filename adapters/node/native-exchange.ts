import type { ServerHttp2Stream } from 'node:http2';
import { type Exchange, misuse, type Request } from '../../core/adapter.js';
import { exchangeKey, version } from './exchange-key.js';
import type { Framework } from './framework.js';
import type { Hold } from './hold/hold.js';
import { NativeCalls } from './native-calls.js';
import type { NativeRequest, NativeResponse } from './node-types.js';
import type { NodeRequestSource } from './request-source.js';
import type { Source } from './response/discard-source.js';
import type { ErrorPage } from './response/error-page.js';
import { Producers } from './response/producers.js';
import { ResponseEnd } from './response/response-end.js';
import { Waiters } from './waiters.js';

/** Hands an error to the framework as it was thrown. */
export type PassOn = (thrown: unknown) => void;

/** One request on a native response: the state that the files beside this one share. */
export class NativeExchange {
  /** Set by `openExchange`. */
  exchange!: Exchange;
  readonly req: NativeRequest;
  readonly res: NativeResponse;
  /** The stream of an HTTP/2 request. */
  readonly stream: ServerHttp2Stream | undefined;
  readonly source: NodeRequestSource;
  readonly framework: Framework;
  readonly waiters: Waiters;
  readonly end: ResponseEnd;
  /** The outermost hold, while the methods on the response go through it. */
  hold: Hold | undefined;
  /** The streams that native code has piped into the response since the first hold. */
  sources: readonly Source[] | undefined;
  /** The request whose changes native code sees. */
  seen: Request | undefined;
  /** Whether the events of the request are emitted in the async context of the middleware. */
  keepsContext = false;
  /**
   * Whether errors in the framework's own error handling are observed, and the calls of its handlers noted.
   */
  isObserved = false;
  /** Whether native code itself destroyed the connection. */
  isDestroyedHere = false;

  /** How the framework continues with an exception that nobody handled. */
  passOn: PassOn;
  /** How it starts over with an exception, when no handler is left after the place of a layer. */
  restart: PassOn | undefined;
  /** What was handed back to the framework. */
  passedOn: unknown;
  /** An exception of our own code, and how the framework continues with it from where it was thrown. */
  thrown: { readonly error: unknown; readonly passOn: PassOn } | undefined;
  /** The error that was observed last: it passes every router and error handler on its way. */
  observed: unknown;
  /** The framework's answer that replaces a held one. */
  page: ErrorPage | undefined;
  #calls: NativeCalls | undefined;
  #producers: Producers | undefined;

  constructor(
    req: NativeRequest,
    res: NativeResponse,
    stream: ServerHttp2Stream | undefined,
    source: NodeRequestSource,
    framework: Framework,
    passOn: PassOn,
  ) {
    this.req = req;
    this.res = res;
    this.source = source;
    this.framework = framework;
    this.passOn = passOn;
    this.stream = stream;
    this.waiters = new Waiters(res, stream !== undefined);
    this.end = new ResponseEnd(req, res, stream, this.waiters);
  }

  /** Returns the exchange of a response, unless another version of callnext created it. */
  static of(res: object): NativeExchange | undefined {
    const found = (res as { [exchangeKey]?: NativeExchange })[exchangeKey];
    return found?.version === version ? found : undefined;
  }

  /**
   * Returns the same for code that joins it. Throws `OTHER_VERSION`: versions cannot use each other's
   * exchanges.
   */
  static join(res: object): NativeExchange | undefined {
    const found = (res as { [exchangeKey]?: NativeExchange })[exchangeKey];
    if (found === undefined || found.version === version) return found;
    throw misuse('OTHER_VERSION', found.version, version);
  }

  get version(): string {
    return version;
  }

  get method(): string {
    return this.source.method;
  }

  /** The outermost hold. */
  get root(): Hold | undefined {
    return this.waiters.root;
  }

  get endedInHold(): boolean {
    return this.waiters.endedInHold;
  }

  /** The calls of native code, created with the first call whose end may be seen. */
  get calls(): NativeCalls {
    this.#calls ??= new NativeCalls();
    return this.#calls;
  }

  get knownCalls(): NativeCalls | undefined {
    return this.#calls;
  }

  /** The streamed bodies, created with the first one. */
  get producers(): Producers {
    this.#producers ??= new Producers(this.end);
    return this.#producers;
  }

  get knownProducers(): Producers | undefined {
    return this.#producers;
  }
}
