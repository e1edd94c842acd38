import type { Socket } from 'node:net';

const guarded: unique symbol = Symbol.for('callnext.guardedSocket') as never;
/** How long a held answer keeps its connection from being destroyed, in milliseconds. */
const patience = 1_000;

type GuardedSocket = Socket & { [guarded]?: true; readonly _httpMessage?: object | null };

/** Runs an action when nothing is held on a response any longer; tells whether something is. */
export type WhenReleased = (response: object, action: () => void) => boolean;

/**
 * Keeps native code that answers and then destroys the connection from destroying its own answer: without a hold the
 * answer would be in the kernel by then. finalhandler does so after an error that comes too late, and so do upload
 * handlers that refuse a body. Done once for each connection; Node's own reasons, which come with an error or after the
 * client has closed its side, are not delayed.
 */
export function guardSocket(socket: GuardedSocket | undefined, whenReleased: WhenReleased): void {
  if (!socket || socket[guarded]) return;
  const { destroy } = socket;
  const guard = function destroyWhenReleased(this: GuardedSocket, error?: Error): Socket {
    const response = this._httpMessage;
    if (error || !response || !this.writable) return destroy.call(this, error);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const go = (): void => {
      clearTimeout(timer);
      destroy.call(this);
    };
    // Node uncorks the socket in a tick of its own.
    if (!whenReleased(response, () => process.nextTick(go))) return destroy.call(this);
    timer = setTimeout(go, patience).unref();
    return this;
  };
  Object.defineProperty(socket, 'destroy', { value: guard, configurable: true, writable: true });
  Object.defineProperty(socket, guarded, { value: true });
}
