import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { nextTick } from '../turns.js';

/** What is piped into a response. `_readableState` tells where else it is piped to. */
export type Source = Readable & { readonly _readableState?: { readonly pipes?: unknown } };

/**
 * Lets go of a stream that is piped into a response whose body is not wanted any more. It is destroyed,
 * unless it goes somewhere else too; the request itself is read to its end, since its connection serves the
 * response.
 */
export function discardSource(source: Source, res: ServerResponse): void {
  if (!goesInto(source, res)) return;
  source.unpipe(res);
  if (source === res.req) return void source.resume();
  if (destinationsOf(source).length > 0) return;
  // What was piped into it stops there: a request that nobody reads would block its connection.
  const { req } = res;
  if (req instanceof IncomingMessage) source.once('close', () => nextTick(() => resumeIfStuck(req)));
  source.destroy();
}

/** Whether a stream is piped into a response. */
export function goesInto(source: Source, res: ServerResponse): boolean {
  return destinationsOf(source).includes(res);
}

/** Streams of other makes keep one destination, or `null`, in the same place. */
function destinationsOf({ _readableState }: Source): unknown[] {
  return [_readableState?.pipes ?? []].flat();
}

function resumeIfStuck(req: IncomingMessage): void {
  if (req.readableFlowing === false && !req.destroyed && req.listenerCount('readable') === 0) req.resume();
}
