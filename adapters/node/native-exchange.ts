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

/** Gives an error to the framework, as it was thrown. */
export type PassOn = (thrown: unknown) => void;

/** One request on a native response: what the rooms beside this one share. */
export class NativeExchange {
  /** Set by who opens it. */
  exchange!: Exchange;
  readonly req: NativeRequest;
  readonly res: NativeResponse;
  readonly source: NodeRequestSource;
  readonly framework: Framework;
  readonly waiters: Waiters = new Waiters();
  readonly end: ResponseEnd;
  /** The outermost hold, while the methods on the response go through it. */
  hold: Hold | undefined;
  /** What native code has piped into the response since the first hold. */
  sources: readonly Source[] | undefined;
  /** The request whose changes native code sees. */
  seen: Request | undefined;
  /** Whether the events of the request are told in the async context of the middleware. */
  keepsContext = false;
  /**
   * Whether errors that pass the framework's own error handling are observed, and the calls of its handlers
   * noted.
   */
  isObserved = false;
  /** Whether native code itself has destroyed the connection. */
  isDestroyedHere = false;

  /** How the framework goes on with an exception that nobody has handled. */
  passOn: PassOn;
  /** How it begins anew with one, when it has nobody left to ask after the place of a layer. */
  restart: PassOn | undefined;
  /** What was given back to the framework. */
  passedOn: unknown;
  /** An exception of ours, and how the framework goes on with it from where it was thrown. */
  thrown: { readonly error: unknown; readonly passOn: PassOn } | undefined;
  /** The error that was observed last: it passes each router and each error handler on its way. */
  observed: unknown;
  /** What the framework answers in place of an answer that was held. */
  page: ErrorPage | undefined;
  #calls: NativeCalls | undefined;
  #producers: Producers | undefined;

  constructor(
    req: NativeRequest,
    res: NativeResponse,
    source: NodeRequestSource,
    framework: Framework,
    passOn: PassOn,
  ) {
    this.req = req;
    this.res = res;
    this.source = source;
    this.framework = framework;
    this.passOn = passOn;
    this.end = new ResponseEnd(req, res, this.waiters);
  }

  /** The exchange of a response, unless another version of callnext has made it. */
  static of(res: object): NativeExchange | undefined {
    const found = (res as { [exchangeKey]?: NativeExchange })[exchangeKey];
    return found?.version === version ? found : undefined;
  }

  /**
   * The same for what takes part in it. Throws `OTHER_VERSION`: versions do not know each other's exchanges.
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

  /** The calls of native code, once one has begun that may tell when it ends. */
  get calls(): NativeCalls {
    this.#calls ??= new NativeCalls();
    return this.#calls;
  }

  get knownCalls(): NativeCalls | undefined {
    return this.#calls;
  }

  /** The streamed bodies, once one was written. */
  get producers(): Producers {
    this.#producers ??= new Producers(this.end);
    return this.#producers;
  }

  get knownProducers(): Producers | undefined {
    return this.#producers;
  }
}
