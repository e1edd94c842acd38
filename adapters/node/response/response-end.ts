import type { EventEmitter } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { type Delivery, toError } from '../../../core/adapter.js';
import { type Closing, currentResponse, followConnection, forgetConnection } from '../connection.js';
import { exchangeKey } from '../exchange-key.js';
import type { NativeRequest, NativeResponse } from '../node-types.js';
import { queueMicrotask } from '../turns.js';

/** The part of the waiters that is used here: whether a hold keeps back what native code has written. */
interface Holding {
  readonly holding: object | undefined;
}

/** Notified once when the response is over. An object, because a function would be created per request. */
export interface EndListener {
  ended(): void;
}

/**
 * The end of one response: its last byte was handed over, or the connection is gone.
 *
 * Node also emits `finish` for a response whose client reset the connection, so the socket is checked too.
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
  #delivered: Promise<Delivery> | undefined;
  #tellDelivered: ((delivery: Delivery) => void) | undefined;

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
    // While a response waits for its turn, the bytes on its connection belong to another one.
    const waitsForTurn = res.socket === null && Boolean(currentResponse(this.#socket));
    this.#writtenBefore = waitsForTurn ? Number.POSITIVE_INFINITY : (this.#socket?.bytesWritten ?? 0);
    // Not `once`, which creates two more functions.
    res.on('close', close);
    // Only Node's own server emits 'close' at the end; its substitutes emit only 'finish'.
    if (!stream && !(this.#socket as { server?: unknown } | undefined)?.server) res.on('finish', close);
    followConnection(this.#socket, this, waitsForTurn);
    if (res.closed || res.destroyed || isLost(res, this.#socket))
      queueMicrotask(() => this.connectionClosed());
  }

  /** Aborts when the client disconnects before it has its response. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    return this.#controller.signal;
  }

  /** Aborts the signal; the first reason is kept. */
  abort(reason?: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }

  /** Whether an error only says that the signal was aborted. */
  isReason(error: Error): boolean {
    if (!this.#aborted) return false;
    return error.name === 'AbortError' || error === this.#controller?.signal.reason;
  }

  /** Whether native code took the connection and answered on it, as for a WebSocket. */
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
   * Whether the response ended past all holds: native code answered on the connection itself, or in a way
   * that could not be held.
   */
  get isAnsweredElsewhere(): boolean {
    return this.over !== undefined && (this.over.outcome === 'sent' || this.#isTakenOver);
  }

  /** Resolves when the response is over. */
  whenOver(): Promise<Delivery> {
    if (this.over) return Promise.resolve(this.over);
    this.#delivered ??= new Promise(resolve => {
      this.#tellDelivered = resolve;
    });
    return this.#delivered;
  }

  /** Called when the response or its connection is closed. */
  connectionClosed(): void {
    if (this.over) return;
    forgetConnection(this.#socket, this);
    this.over = this.#delivery();
    if (this.over.outcome === 'aborted') this.abort();
    this.#tellDelivered?.(this.over);
    this.listener?.ended();
  }

  #delivery(): Delivery {
    const res = this.#res;
    const stream = this.#stream;
    if (stream) return { outcome: isSent(stream) ? 'sent' : 'aborted' };
    const cause = this.#socket?.errored;
    if (res.writableFinished && !cause && this.#waiters.holding === undefined) return { outcome: 'sent' };
    // An error that destroyed the response also destroyed the socket. If the client went first, the error
    // differs.
    return { outcome: 'aborted', error: cause && cause === res.errored ? toError(cause) : undefined };
  }
}

/** Shared by all responses: a function for each would stay with a response that lasts for hours. */
function close(this: NativeResponse): void {
  const native = (this as { [exchangeKey]?: { readonly end: ResponseEnd } })[exchangeKey];
  native?.end.connectionClosed();
}

/**
 * Whether the connection closed while the response waited for its turn: up to Node 22 nothing closes that
 * response, and the connection has already emitted its `close`.
 */
function isLost(res: NativeResponse, socket: NativeRequest['socket'] | undefined): boolean {
  return res.socket === null && socket?.destroyed === true;
}

type Incoming = NativeRequest & { readonly upgrade?: boolean };

/**
 * Whether the client has sent all of its request. An incomplete request was not answered, whatever was
 * written.
 */
function isWhole({ complete, upgrade }: Incoming): boolean {
  return complete || upgrade === true;
}

/** The codes of Node for a client that sends invalid HTTP, or sends it too slowly. */
const refusals = /^(?:HPE_|ERR_HTTP_REQUEST_TIMEOUT$)/;

/**
 * Whether the bytes were not written by native code, but by the server in reply to what followed the request:
 * a 400 for garbage, a 408, or the output of the app's 'clientError' listener.
 */
function isRefused({ socket, upgrade }: Incoming): boolean {
  const { errored, server } = socket as typeof socket & { server?: EventEmitter };
  if (refusals.test(String((errored as { code?: unknown } | null)?.code))) return true;
  // Node removes its own listener before it calls the app's, and also when the connection is upgraded.
  const isTold = upgrade !== true && server !== undefined && server.listenerCount('clientError') > 0;
  return isTold && !socket.listeners('error').some(({ name }) => name === 'socketOnError');
}

/**
 * The stream is asked because the response is already ended in a hold, and emits `finish` after a reset too.
 */
function isSent({ headersSent, writableFinished, aborted, rstCode }: ServerHttp2Stream): boolean {
  return headersSent && writableFinished && !aborted && rstCode === 0;
}
