import type { Duplex } from 'node:stream';

const guarded: unique symbol = Symbol.for('callnext.guarded') as never;
/** How long a held answer keeps its connection from being destroyed, in milliseconds. */
const patience = 5_000;

/** A socket, or a stream of HTTP/2, and the response that it carries now. */
type Guarded = Duplex & {
  [guarded]?: true;
  readonly _httpMessage?: object | null;
  /** HTTP/2: reset by the client. */
  readonly closed: boolean;
};

/** Runs an action when nothing is held on a response any longer; tells whether something is. */
export type WhenReleased = (response: object, action: () => void) => boolean;

/**
 * Keeps native code that answers and then destroys the connection from destroying its own answer: without a hold the
 * answer would be in the kernel by then. finalhandler does so after an error that comes too late, upload handlers that
 * refuse a body do, and so does a server that closes its idle connections. Done once for each connection; Node's own
 * reasons, which come with an error or after the client has closed its side, are not delayed.
 */
export function guardDestroy(
  carrier: Duplex | undefined,
  responseOf: (carrier: Duplex) => object | null | undefined,
  whenReleased: WhenReleased,
): void {
  const target = carrier as Guarded | undefined;
  if (!target || target[guarded]) return;
  const { destroy } = target;
  const guard = function destroyWhenReleased(this: Guarded, error?: Error): Duplex {
    const response = responseOf(this);
    if (error || !response || !this.writable || this.closed) return destroy.call(this, error);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const go = (): void => {
      clearTimeout(timer);
      // Node uncorks a connection a tick after the first write, and the write was earlier without the hold.
      if (this.writableCorked > 0) this.uncork();
      destroy.call(this);
    };
    if (!whenReleased(response, go)) go();
    else timer = setTimeout(go, patience).unref();
    return this;
  };
  Object.defineProperty(target, 'destroy', { value: guard, configurable: true, writable: true });
  Object.defineProperty(target, guarded, { value: true });
}

/** The response that is being sent on a connection of HTTP/1. */
export function currentResponse(socket: Duplex): object | null | undefined {
  return (socket as Guarded)._httpMessage;
}
