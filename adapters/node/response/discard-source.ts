import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { nextTick } from '../turns.js';

/** A stream that is piped into a response. `_readableState` shows its other destinations. */
export type Source = Readable & { readonly _readableState?: { readonly pipes?: unknown } };

/**
 * Disconnects a stream from a response whose body is no longer needed. It is destroyed unless it has another
 * destination; the request itself is read to its end, since its connection serves the response.
 */
export function discardSource(source: Source, res: ServerResponse): void {
  if (!goesInto(source, res)) return;
  source.unpipe(res);
  if (source === res.req) return void source.resume();
  if (destinationsOf(source).length > 0) return;
  // A stream that was piped into it now stops: an unread request would block its connection.
  const { req } = res;
  if (req instanceof IncomingMessage) source.once('close', () => nextTick(() => resumeIfStuck(req)));
  source.destroy();
}

/** Whether a stream is piped into a response. */
export function goesInto(source: Source, res: ServerResponse): boolean {
  return destinationsOf(source).includes(res);
}

/** Other stream implementations keep one destination, or `null`, in the same place. */
function destinationsOf({ _readableState }: Source): unknown[] {
  return [_readableState?.pipes ?? []].flat();
}

function resumeIfStuck(req: IncomingMessage): void {
  if (req.readableFlowing === false && !req.destroyed && req.listenerCount('readable') === 0) req.resume();
}
