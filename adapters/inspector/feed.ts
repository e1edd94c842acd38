import { ServerSentEvent } from '../../core/adapter.js';
import type { Store } from './store.js';

/** How long changes are collected, in milliseconds: a page cannot show more than a few a second. */
const batchEvery = 200;

/**
 * A stream ends after this many milliseconds, and the page asks for the next one: an open page must not hold
 * up a graceful shutdown, and `allow` is asked again.
 */
const longest = 15_000;

/** How long a page waits before it asks again, in milliseconds. */
const retry = 500;

/**
 * Yields what has changed since the event that the client has last received. `boot` is the part of
 * an event's id that differs from process to process.
 */
export async function* feedOf(
  store: Store,
  boot: string,
  lastEventId: string | null,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent> {
  const until = performance.now() + longest;
  let version = versionOf(lastEventId, boot, store.version);
  while (!signal.aborted) {
    if (version === undefined || store.version > version) {
      const data = store.since(version);
      version = store.version;
      yield new ServerSentEvent({ id: `${boot}.${version}`, data, retry });
      await pause(batchEvery, signal);
    }
    const left = until - performance.now();
    if (left <= 0) return;
    if (store.version === version) await changed(store, left, signal);
  }
}

/** The version that a client has, if it is one of this store. */
function versionOf(lastEventId: string | null, boot: string, current: number): number | undefined {
  const [from, text = ''] = lastEventId?.split('.') ?? [];
  const version = Number(text);
  return from === boot && /^\d+$/.test(text) && version <= current ? version : undefined;
}

/** Resolves at a change, after a time, or when the client leaves. */
function changed(store: Store, time: number, signal: AbortSignal): Promise<void> {
  return pause(time, signal, done => store.onceChanged(done));
}

/**
 * Resolves after a time, when the signal aborts, or when `listen` calls back. The function that `listen`
 * returns ends the listening.
 */
function pause(time: number, signal: AbortSignal, listen?: (done: () => void) => () => void): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      stop?.();
      resolve();
    };
    const timer = setTimeout(done, time);
    const stop = listen?.(done);
    signal.addEventListener('abort', done, { once: true });
  });
}
