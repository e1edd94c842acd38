import type { ServerHttp2Stream } from 'node:http2';
import { isBodyless } from '../../../core/adapter.js';
import { http2Stream } from '../http2-stream.js';
import type { NativeResponse } from '../node-types.js';
import { headerMethods } from './detached-headers.js';
import { CapturedHead } from './head.js';
import { Hold } from './hold.js';
import { hooksFor } from './hooks.js';
import { installed, methodsOf } from './install.js';
import { pairsOf } from './raw-head.js';
import { getterOf } from './writable-ended.js';

const names = ['writeHead', 'flushHeaders', 'write', 'end', 'cork', 'uncork', 'destroy'] as const;
const streamMethods = ['respond', 'respondWithFD', 'respondWithFile', 'write', 'end'] as const;
const topHold: unique symbol = Symbol.for('callnext.topHold') as never;

/**
 * Puts a hold in front of an HTTP/2 response. Its head is kept in its stream, so the getters for the head,
 * and the checks after it, are patched on the response itself.
 */
export function interceptHttp2(res: NativeResponse, outer: Hold | undefined): Hold {
  const head = new CapturedHttp2Head(res);
  const hold = new Hold(res, methodsOf(res), head);
  hold.outer = outer;
  const hooks = hooksFor(() => hold, hold.previous);
  for (const name of names) Reflect.set(res, name, hooks[name]);
  for (const name of headerMethods) {
    const before: unknown = Reflect.get(res, name);
    if (typeof before !== 'function') continue;
    Reflect.set(res, name, (...args: unknown[]): unknown => {
      if (head.isShut) throw headersSent();
      return Reflect.apply(before, res, args);
    });
  }
  if (typeof res.flush === 'function') res.flush = hooks.flush;
  orElse(res, 'headersSent', () => head.isShut);
  orElse(res, '_header', () => head.isShut);
  for (const name of ['writableEnded', 'finished']) orElse(res, name, () => hold.endedInHold);
  letStreamThrough(http2Stream(res), hold);
  return installed(hold);
}

type Stream = ServerHttp2Stream & { [topHold]?: Hold };

/**
 * Sends the held part before native code writes to the stream itself, which cannot be held: as without a
 * layer.
 */
function letStreamThrough(stream: Stream | undefined, hold: Hold): void {
  if (!stream) return;
  const isFirst = stream[topHold] === undefined;
  stream[topHold] = hold;
  if (isFirst) for (const name of streamMethods) stream[name] = releasing(stream[name]) as never;
}

function releasing(method: (...args: never[]) => unknown): (...args: unknown[]) => unknown {
  return function releaseFirst(this: Stream, ...args) {
    // Node ends a stream that is being closed; nothing can be sent on it.
    if (!this.closed) for (let each = this[topHold]; each; each = each.outer) each.release();
    return Reflect.apply(method, this, args);
  };
}

class CapturedHttp2Head extends CapturedHead {
  isShut = false;

  override capture(status: number, reason: unknown, headers: unknown): void {
    const { res } = this;
    const given = (typeof reason === 'object' ? reason : headers) as
      | Parameters<typeof pairsOf>[0]
      | undefined;
    // An argument replaces a header that was set, and may itself appear several times.
    const lines = new Map<string, string[]>();
    for (const [name, value] of given ? pairsOf(given) : [])
      lines.set(name, [...(lines.get(name) ?? []), ...[value as string].flat()]);
    for (const [name, value] of lines) res.setHeader(name, value.length === 1 ? (value[0] as string) : value);
    res.statusCode = status;
    this.status = res.statusCode;
    this.hasBody = !(isBodyless(this.status) || res.req?.method === 'HEAD');
    this.shut();
  }

  /** The response itself shows that it has ended. */
  override end(): void {
    // Deliberately empty.
  }

  override reopen(): void {
    // Deliberately empty.
  }

  override refuse(): void {
    throw headersSent();
  }

  protected override shut(): void {
    this.isShut = true;
  }

  protected override open(): void {
    this.isShut = false;
  }
}

/** Makes a getter also true whenever `also` is. */
function orElse(res: NativeResponse, name: string, also: () => boolean): void {
  const before = getterOf(res, name);
  Object.defineProperty(res, name, {
    configurable: true,
    get: () => also() || before.call(res),
  });
}

/** Node does not export the classes of its errors. */
function headersSent(): Error {
  return Object.assign(new Error('Response has already been initiated.'), { code: 'ERR_HTTP2_HEADERS_SENT' });
}
