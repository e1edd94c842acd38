import type { Duplex } from 'node:stream';

const guarded: unique symbol = Symbol.for('callnext.guardedConnection') as never;
const open: unique symbol = Symbol.for('callnext.openExchanges') as never;
/** How long a held answer delays the destruction of its connection, in milliseconds. */
const patience = 5_000;

/** A socket or an HTTP/2 stream, with the response that it carries now. */
type Guarded = Duplex & {
  [guarded]?: Unguarded;
  [open]?: Closing[];
  readonly _httpMessage?: object | null;
  /** HTTP/2: reset by the client. */
  readonly closed: boolean;
  /** HTTP/2, while the stream is open. */
  readonly session?: { readonly destroyed: boolean; readonly socket: Duplex };
  /** HTTP/1. */
  readonly server?: { readonly listening?: boolean };
  /** HTTP/2: resets the stream. */
  close?(...args: unknown[]): void;
};

/** The original methods of a connection, and its guard. */
interface Unguarded {
  readonly guard: DestroyGuard;
  readonly destroy: Duplex['destroy'];
  readonly end: Duplex['end'];
  readonly close: Guarded['close'];
}

/** Runs an action when nothing is held on a response any longer; returns whether something is. */
export type WhenReleased = (response: object, action: () => void) => boolean;

/** What a guarded connection needs from the exchange of its response. */
export interface DestroyGuard {
  responseOf(carrier: Duplex): object | null | undefined;
  readonly whenReleased: WhenReleased;
  /**
   * Called when code of this process destroys the connection of a response while the client is still there.
   */
  destroyedHere(response: object): void;
}

/**
 * Keeps native code that answers and then destroys the connection from destroying its own held answer, which
 * would otherwise be in the kernel by then: finalhandler after a late error, upload handlers that refuse a
 * body, a server that closes idle connections. Node's own reasons are not delayed: they come with an error,
 * or after the client has closed its side. Done once per connection.
 */
export function guardDestroy(carrier: Duplex | undefined, guard: DestroyGuard): void {
  const target = carrier as Guarded | undefined;
  if (!target || target[guarded]) return;
  const { destroy, end, close } = target;
  Object.defineProperty(target, guarded, { value: noted({ guard, destroy, end, close }) });
  replace(target, 'destroy', destroyWhenReleased);
  // An HTTP/2 stream is ended by its response.
  if ('remotePort' in target) replace(target, 'end', endWhenReleased);
  // HTTP/1 has no `close`. Node also calls it for a client that has gone.
  else if (close) target.close = closeHere;
}

/** Nearly all HTTP/1 connections have the same methods, so they share what is noted of them. */
let lastNoted: Unguarded | undefined;

function noted(methods: Unguarded): Unguarded {
  const { guard, destroy, end, close } = methods;
  // The guard of an HTTP/2 stream is its own, and would keep its response.
  if (close) return methods;
  const isSame = lastNoted?.guard === guard && lastNoted.destroy === destroy && lastNoted.end === end;
  if (!isSame) lastNoted = methods;
  return lastNoted as Unguarded;
}

function replace(target: Guarded, name: 'destroy' | 'end', value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

// Shared by all connections: closures would need more memory for each waiting client.
function destroyWhenReleased(this: Guarded, error?: Error): Duplex {
  const { guard } = this[guarded] as Unguarded;
  const response = guard.responseOf(this);
  if (response && isDestroyedHere(this, response, error)) guard.destroyedHere(response);
  const isGone = !this.writable || this.closed || this.session?.destroyed === true;
  if (isNodes(error) || !response || isGone) return destroyNow(this, error);
  delay(response, guard.whenReleased, () => {
    // Node uncorks a connection one tick after the first write, which would be over without the hold.
    if (this.writableCorked > 0) this.uncork();
    destroyNow(this, error);
  });
  return this;
}

function destroyNow(carrier: Guarded, error: Error | undefined): Duplex {
  const { destroy } = carrier[guarded] as Unguarded;
  if (closesByDestroy(carrier) && !carrier.destroyed) listenOnce(carrier);
  return destroy.call(carrier, error);
}

function endWhenReleased(this: Guarded, ...args: unknown[]): Duplex {
  const { guard, end } = this[guarded] as Unguarded;
  const response = guard.responseOf(this);
  if (response) delay(response, guard.whenReleased, () => Reflect.apply(end, this, args));
  else Reflect.apply(end, this, args);
  return this;
}

function closeHere(this: Guarded, ...args: unknown[]): void {
  const { guard, close } = this[guarded] as Unguarded;
  const response = guard.responseOf(this);
  if (response && !this.closed && isClientThere(this)) guard.destroyedHere(response);
  if (close) Reflect.apply(close, this, args);
}

/**
 * Whether this process destroys the connection. A closing server also destroys connections, but their
 * handlers continue.
 */
function isDestroyedHere(carrier: Guarded, response: object, error: Error | undefined): boolean {
  const { session, server } = carrier;
  // A response that destroys its connection may do so with any error.
  const isMeant = !isNodes(error) || (!session && (response as { destroyed?: boolean }).destroyed === true);
  if (!isMeant || carrier.closed || !isClientThere(carrier)) return false;
  return session ? session.destroyed || carrier.writable : carrier.writable && server?.listening !== false;
}

/** Whether the client has not closed its side of the connection. */
function isClientThere(carrier: Guarded): boolean {
  const { destroyed, readableEnded } = carrier.session?.socket ?? carrier;
  return !destroyed && !readableEnded;
}

/** Acts once: when nothing is held any longer, or after the patience. */
function delay(response: object, whenReleased: WhenReleased, act: () => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isDone = false;
  const go = (): void => {
    clearTimeout(timer);
    if (!isDone) act();
    isDone = true;
  };
  if (!whenReleased(response, go)) go();
  else timer = setTimeout(go, patience).unref();
}

/** Errors of Node have codes: the client has gone, or has sent invalid HTTP. */
function isNodes(error: Error | undefined): boolean {
  return typeof (error as { code?: unknown } | undefined)?.code === 'string';
}

/** The response that is being sent on an HTTP/1 connection. */
export function currentResponse(socket: Duplex): object | null | undefined {
  return (socket as Guarded)._httpMessage;
}

/** Notified when a connection closes. */
export interface Closing {
  connectionClosed(): void;
}

/**
 * Notifies `closing` when a connection closes, until `forgetConnection`. A response does not close by itself
 * if it waits for its turn, was detached from its connection or never had one. All of a connection share one
 * listener.
 */
export function followConnection(
  carrier: Duplex | undefined,
  closing: Closing,
  waitsForTurn: boolean = false,
): void {
  const socket = carrier as Guarded | undefined;
  if (typeof socket?.on !== 'function') return;
  if (socket[open]) socket[open].push(closing);
  else listenToClose(socket, closing);
  // A `destroy` that was kept before the guard goes past it, and such a response has no `close` of its own.
  if (waitsForTurn && closesByDestroy(socket)) listenOnce(socket);
}

function listenOnce(socket: Guarded): void {
  if (!socket.listeners('close').includes(closeAll)) socket.on('close', closeAll);
}

export function forgetConnection(carrier: Duplex | undefined, closing: Closing): void {
  const waiting = (carrier as Guarded | undefined)?.[open];
  if (waiting === undefined) return;
  // Nearly always the only one.
  if (waiting.at(-1) === closing) waiting.pop();
  else if (waiting.includes(closing)) waiting.splice(waiting.indexOf(closing), 1);
}

/** Calls `closed` when a connection closes, unless the returned function is called before. */
export function whenClosed(carrier: Duplex | undefined, closed: () => void): () => void {
  const closing = { connectionClosed: closed };
  followConnection(carrier, closing);
  return () => forgetConnection(carrier, closing);
}

function listenToClose(socket: Guarded, first: Closing): void {
  Object.defineProperty(socket, open, { value: [first] });
  // Not `once`, which creates two more functions for each connection.
  if (!closesByDestroy(socket)) socket.on('close', closeAll);
}

/**
 * Whether a connection only closes by the `destroy` that is guarded, which then listens to `close`: a third
 * listener would make each waiting client keep a list with room for twenty.
 */
function closesByDestroy(socket: Guarded): boolean {
  return socket[guarded] !== undefined && socket.server !== undefined;
}

function closeAll(this: Guarded): void {
  for (const closing of this[open]?.splice(0) ?? []) closing.connectionClosed();
}
