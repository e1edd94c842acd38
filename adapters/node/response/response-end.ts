import type { EventEmitter } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { type Delivery, toError } from '../../../core/adapter.js';
import { type Closing, currentResponse, followConnection, forgetConnection } from '../connection.js';
import type { NativeRequest, NativeResponse } from '../node-types.js';
import { queueMicrotask } from '../turns.js';

/** What a hold tells of the response: whether it keeps back what native code has written. */
interface Holding {
  readonly holding: object | undefined;
}

/** Told once when the response is over. An object, as a function would be made anew for every request. */
export interface EndListener {
  ended(): void;
}

/**
 * The end of one response, whichever way it comes: its last byte is handed over, or the connection is gone.
 *
 * Node's `finish` also comes for a response whose client has reset the connection, so the socket is asked
 * too.
 */
export class ResponseEnd implements Closing {
  over: Delivery | undefined;
  listener: EndListener | undefined;
  readonly #req: NativeRequest;
  readonly #res: NativeResponse;
  readonly #socket: NativeRequest['socket'];
  readonly #stream: ServerHttp2Stream | undefined;
  readonly #waiters: Holding;
  readonly #writtenBefore: number;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #waiting: ((delivery: Delivery) => void)[] | undefined;

  constructor(
    req: NativeRequest,
    res: NativeResponse,
    stream: ServerHttp2Stream | undefined,
    waiters: Holding,
  ) {
    this.#req = req;
    this.#res = res;
    this.#socket = req.socket;
    this.#stream = stream;
    this.#waiters = waiters;
    // While a response waits for its turn, what is written on its connection is another one's.
    const waitsForTurn = res.socket === null && currentResponse(this.#socket);
    this.#writtenBefore = waitsForTurn ? Number.POSITIVE_INFINITY : (this.#socket?.bytesWritten ?? 0);
    const close = (): void => this.connectionClosed();
    // Not `once`, which makes two more functions.
    res.on('close', close);
    // Only Node's server tells of the end by 'close'; what stands in for it elsewhere tells by 'finish'
    // alone.
    if (!stream && !(this.#socket as { server?: unknown } | undefined)?.server) res.on('finish', close);
    followConnection(this.#socket, this);
    if (res.closed || res.destroyed || isLost(res, this.#socket)) queueMicrotask(close);
  }

  /** Aborts when the client goes away before it has its response. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    return this.#controller.signal;
  }

  /** Aborts the signal, for the first reason that there is. */
  abort(reason?: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }

  /** Whether an error says that the signal has been aborted, and nothing else. */
  isReason(error: Error): boolean {
    if (!this.#aborted) return false;
    return error.name === 'AbortError' || error === this.#controller?.signal.reason;
  }

  /** Whether native code has taken the connection over and answered by itself, as for a websocket. */
  get #isTakenOver(): boolean {
    const { bytesWritten = 0 } = this.#socket ?? {};
    const { _sent100, headersSent } = this.#res as { _sent100?: boolean; headersSent: boolean };
    if (headersSent || _sent100 === true || bytesWritten <= this.#writtenBefore) return false;
    return isWhole(this.#req) && !isRefused(this.#req);
  }

  /** Whether the client has sent all of its request. */
  get hasWholeRequest(): boolean {
    return isWhole(this.#req);
  }

  /**
   * Whether it is over past all holds: native code has answered on the connection itself, or by what could
   * not be held.
   */
  get isAnsweredElsewhere(): boolean {
    return this.over !== undefined && (this.over.outcome === 'sent' || this.#isTakenOver);
  }

  /** Resolves when the response is over. */
  whenOver(): Promise<Delivery> {
    if (this.over) return Promise.resolve(this.over);
    return new Promise(resolve => {
      // Nearly always the only one, and a list that grows by `push` takes room for 17.
      if (this.#waiting) this.#waiting.push(resolve);
      else this.#waiting = [resolve];
    });
  }

  /** The response, or its connection, is closed. */
  connectionClosed(): void {
    if (this.over) return;
    forgetConnection(this.#socket, this);
    this.over = this.#delivery();
    if (this.over.outcome === 'aborted') this.abort();
    if (this.#waiting) for (const resolve of this.#waiting) resolve(this.over);
    this.listener?.ended();
  }

  #delivery(): Delivery {
    const res = this.#res;
    const stream = this.#stream;
    if (stream) return { outcome: isSent(stream) ? 'sent' : 'aborted' };
    const cause = this.#socket?.errored;
    if (res.writableFinished && !cause && this.#waiters.holding === undefined) return { outcome: 'sent' };
    // What destroyed the response destroyed the socket; where the client went first, an error came only after
    // that.
    return { outcome: 'aborted', error: cause && cause === res.errored ? toError(cause) : undefined };
  }
}

/**
 * Whether the connection went while the response waited for its turn: up to Node 22 nothing closes that
 * response, and the connection has told of its own end already.
 */
function isLost(res: NativeResponse, socket: NativeRequest['socket'] | undefined): boolean {
  return res.socket === null && socket?.destroyed === true;
}

type Incoming = NativeRequest & { readonly upgrade?: boolean };

/**
 * Whether the client has sent all of its request: one that it breaks off has not been answered, whatever was
 * written.
 */
function isWhole({ complete, upgrade }: Incoming): boolean {
  return complete || upgrade === true;
}

/** Node's, for a client that sends what is not HTTP, or sends it too slowly. */
const refusals = /^(?:HPE_|ERR_HTTP_REQUEST_TIMEOUT$)/;

/**
 * Whether what was written is no answer of native code, but the server's own to what came behind the request:
 * a 400 for garbage, a 408, or what the app's listener for 'clientError' has written.
 */
function isRefused({ socket, upgrade }: Incoming): boolean {
  const { errored, server } = socket as typeof socket & { server?: EventEmitter };
  if (refusals.test(String((errored as { code?: unknown } | null)?.code))) return true;
  // Node takes its own listener away before it tells the app, and where the connection is upgraded.
  const isTold = upgrade !== true && server !== undefined && server.listenerCount('clientError') > 0;
  return isTold && !socket.listeners('error').some(({ name }) => name === 'socketOnError');
}

/** The response does not tell: it is ended in a hold already, and emits `finish` after a reset, too. */
function isSent({ headersSent, writableFinished, aborted, rstCode }: ServerHttp2Stream): boolean {
  return headersSent && writableFinished && !aborted && rstCode === 0;
}
