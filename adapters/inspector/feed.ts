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

function pause(time: number, signal: AbortSignal): Promise<void> {
  return settledOnce(signal, done => {
    const timer = setTimeout(done, time);
    return () => clearTimeout(timer);
  });
}

/** Resolves at a change, after a time, or when the client leaves. */
function changed(store: Store, time: number, signal: AbortSignal): Promise<void> {
  return settledOnce(signal, done => {
    const timer = setTimeout(done, time);
    const stop = store.onceChanged(done);
    return () => {
      clearTimeout(timer);
      stop();
    };
  });
}

/**
 * Resolves when `start` calls back or the signal aborts. The function that `start` returns ends what it has
 * begun.
 */
function settledOnce(signal: AbortSignal, start: (done: () => void) => () => void): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      stop();
      resolve();
    };
    const stop = start(done);
    signal.addEventListener('abort', done, { once: true });
  });
}
