import { ServerResponse } from 'node:http';
import { isUint8Array } from 'node:util/types';
import type { Callback, NativeResponse } from '../node-types.js';
import { symbolOf } from '../symbol-of.js';
import { nextTick } from '../turns.js';
import { callWith, type Held, tellWritten } from './calls.js';
import { checkLength, refuseChunk, refuseEncoding } from './checks.js';
import type { Chunk } from './tape.js';
import { showEnd } from './writable-ended.js';

const native = ServerResponse.prototype as NativeResponse;
/** Since Node 24, callbacks of `end` run before 'finish', and receive an error if the response was cut. */
const keepsEndCallbacks = symbolOf('kEndCallbacks') !== undefined;
const atFinish = keepsEndCallbacks ? 'prependOnceListener' : 'once';

/** Records a `write` on the tape. The first one makes the head. */
export function recordWrite(hold: Held, chunk: unknown, encoding: unknown, callback: unknown): boolean {
  if (hold.onWritten) tellWritten(hold, 'write');
  if (typeof encoding === 'function') return recordWrite(hold, chunk, undefined, encoding);
  if (!isChunk(chunk)) refuseChunk(chunk);
  // A write after the end is judged by the methods below: Node emits an error.
  if (hold.ending !== 'none') return callLater(hold, 'write', chunk, encoding, callback);
  if (hold.calls.name === 'open') hold.makeHead('write');
  const { res, tape, calls } = hold;
  const text = chunk as string;
  if (calls.name === 'held' && res._hasBody === false) {
    // Node itself drops it, or refuses it if the server is configured so.
    tape.dropped();
    return native.write.call(res, text, encoding as BufferEncoding, callback as Callback);
  }
  if (encoding && !isEncoding(encoding)) refuseEncoding(encoding);
  if (res.strictContentLength && calls.name === 'held') checkLength(hold, 'write', text, encoding);
  tape.onRoom ??= () => nextTick(tellOfRoom, hold);
  // Only a held answer is played: one that another response is made from would collect marks for nothing.
  if (calls.name === 'held') tape.noteTick();
  const told = callback as Callback | undefined;
  const hasRoom = tape.write(text, encoding as BufferEncoding, told, res.writableHighWaterMark);
  if (!hasRoom || callback) hold.onAwaited?.();
  return hasRoom;
}

const isChunk = (chunk: unknown): boolean => typeof chunk === 'string' || isUint8Array(chunk);
const isEncoding = (name: unknown): boolean => name === 'buffer' || Buffer.isEncoding(name as string);

/** Reports room for dropped writes too: code that waits for 'drain' would never end. */
function tellOfRoom({ res, calls, room }: Held): void {
  const isDropped = calls.name === 'replaced' || calls.name === 'bypassed';
  if (isDropped || !(res.finished || res.destroyed)) room.tell();
}

/** Records an `end` on the tape. A response without a head gets one. */
export function recordEnd(hold: Held, chunk: unknown, encoding: unknown, callback: unknown): NativeResponse {
  if (hold.onWritten) tellWritten(hold, 'end');
  if (typeof chunk === 'function') return endBy(hold, undefined, undefined, chunk as Callback, undefined);
  if (typeof encoding === 'function') return endBy(hold, chunk, undefined, encoding as Callback, null);
  return endBy(hold, chunk, encoding, callback as Callback | undefined, null);
}

function endBy(
  hold: Held,
  chunk: unknown,
  encoding: unknown,
  callback: Callback | undefined,
  noChunk: null | undefined,
): NativeResponse {
  const { res, tape } = hold;
  if (hold.ending !== 'none') return endAgain(hold, chunk, encoding, callback);
  if (chunk && !isChunk(chunk)) refuseChunk(chunk);
  if (hold.calls.name === 'open') hold.makeHead('end');
  if (chunk && encoding && !isEncoding(encoding)) refuseEncoding(encoding);
  const { name } = hold.calls;
  if (res.strictContentLength && name === 'held') checkLength(hold, 'end', chunk as Chunk, encoding);
  hold.ending = 'ended';
  if (name === 'held') hold.head.end();
  if (name !== 'bypassed') showEnd(res);
  tape.trailer = res._trailer;
  if (typeof callback === 'function') keepEndCallback(hold, callback, noChunk);
  tape.end(chunk ? (chunk as string) : undefined, encoding as BufferEncoding);
  if (callback) hold.onAwaited?.();
  hold.onLateAnswer?.();
  return res;
}

/**
 * Keeps the callback of `end`. Up to Node 22 it is a listener of 'finish', in the order in which it was
 * given.
 */
function keepEndCallback(hold: Held, callback: Callback, noChunk: null | undefined): void {
  const { tape, res, previous, calls } = hold;
  const isListener = !keepsEndCallbacks && previous.end === native.end;
  const isLate = calls.name === 'replaced' || calls.name === 'bypassed';
  if (isLate || isListener) return void res[atFinish]('finish', callback);
  tape.endCallback = callback;
  tape.noChunk = noChunk;
}

/** Calls the callback of `end` at the finish of the answer that replaces the ended one. */
export function callBackAtFinish({ tape, res }: Held): void {
  const callback = tape.endCallback;
  if (callback) res[atFinish]('finish', () => callback());
  tape.endCallback = undefined;
}

function endAgain(
  hold: Held,
  chunk: unknown,
  encoding: unknown,
  callback: Callback | undefined,
): NativeResponse {
  const { res, tape, calls } = hold;
  const isHeld = calls.name === 'held';
  if (hold.ending === 'destroyed') {
    hold.ending = 'endedLate';
    if (isHeld || calls.name === 'replaced') showEnd(res);
    callLater(hold, 'end', chunk, encoding, callback);
  } else if (chunk || hold.ending === 'endedLate') callLater(hold, 'end', chunk, encoding, callback);
  else if (callback && keepsEndCallbacks && isHeld) callLater(hold, 'end', callback, undefined, undefined);
  // Node would have handed all of it to the kernel by now.
  else if (callback && isHeld && tape.size <= res.writableHighWaterMark) callback(alreadyFinished());
  else if (callback) res.on('finish', callback);
  return res;
}

/** Repeats the call at the release. Another response has its own end. */
export function callLater(
  hold: Held,
  method: 'write' | 'end' | 'flushHeaders',
  chunk?: unknown,
  encoding?: unknown,
  callback?: unknown,
): false {
  hold.afterRelease(() => {
    const { name } = hold.calls;
    const isDropped = name === 'replaced' || name === 'bypassed';
    if (!isDropped) callWith(hold.previous[method], hold.res, chunk, encoding, callback);
  });
  return false;
}

/** Creates Node's error for the callback of a second `end`; its class is not exported. */
function alreadyFinished(): Error {
  const message = 'Cannot call end after a stream was finished';
  return Object.assign(new Error(message), { code: 'ERR_STREAM_ALREADY_FINISHED' });
}
