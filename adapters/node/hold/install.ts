import { ServerResponse } from 'node:http';
import { http2Stream } from '../http2-stream.js';
import type { NativeResponse } from '../node-types.js';
import type { Installed } from './calls.js';
import { Hold } from './hold.js';
import { type Hooks, hooksFor } from './hooks.js';
import type { PreviousMethods } from './previous.js';
import { slotOf } from './slot.js';
import { writableEnded } from './writable-ended.js';

/** The methods that a hold replaces. */
export const methodNames = [
  'writeHead',
  'writeHeader',
  '_implicitHeader',
  'flushHeaders',
  'write',
  'end',
  'cork',
  'uncork',
  'destroy',
  '_send',
] as const;
/**
 * A patch of one method may have kept references to the others: the `end` of express-session calls `write`.
 */
const writers = ['writeHead', 'write', 'end'] as const;
const allNames: ReadonlySet<string> = new Set(methodNames);
const native = ServerResponse.prototype as NativeResponse;
const nativeMethods = methodsOf(native);
const patchedKey: unique symbol = Symbol.for('callnext.patched') as never;

/** The methods that are put on the response itself. */
const ownHooks: Hooks = hooksFor(res => slotOf<Hold>(res)?.hold, nativeMethods);

/** Returns the current methods of a response or a prototype. */
export function methodsOf(target: object): PreviousMethods {
  const entries = [...methodNames, 'on', 'flush'].map(name => [name, Reflect.get(target, name)]);
  return Object.fromEntries(entries);
}

/** Returns the methods below all patches of a response: the framework's, or Node's own. */
export function originalMethods(res: NativeResponse): PreviousMethods {
  if (http2Stream(res)) return methodsOf(Object.getPrototypeOf(res));
  const base = frameworkPrototype(res) ?? native;
  return (Reflect.get(base, patchedKey) as PreviousMethods | undefined) ?? methodsOf(base);
}

/**
 * Puts a hold in front of a native response's methods.
 *
 * Responses of Express have a prototype of their own below Node's. It is patched once for all requests, which
 * costs a request 4 %; own properties would cost 19 % on Node up to 22. Without such a prototype, or if an
 * earlier middleware patched the response, own properties are used. `outer` is a hold below such a patch.
 */
export function intercept(res: NativeResponse, outer: Hold | undefined): Hold {
  if (outer) return interceptAbove(res, outer);
  const base = frameworkPrototype(res);
  const patched = base && patchOnce(base);
  const slot = slotOf<Hold>(res);
  const taken = takenFrom(res, base ?? native);
  const hold =
    taken.length > 0
      ? interceptTaken(res, patched, taken)
      : patched
        ? new Hold(res, patched)
        : interceptNode(res);
  if (taken.length === 0) hold.slot = slot;
  if (slot) slot.hold = hold;
  return installed(hold);
}

/** Puts own methods over those that patched the response. */
function interceptTaken(
  res: NativeResponse,
  patched: PreviousMethods | undefined,
  taken: readonly string[],
): Hold {
  const names = new Set([...(patched ? writers : methodNames), ...taken]);
  const previous = { ...(patched ?? nativeMethods) };
  for (const name of taken) Reflect.set(previous, name, Reflect.get(res, name));
  for (const name of names) Reflect.set(res, name, Reflect.get(ownHooks, name));
  const hold = new Hold(res, previous);
  hold.ownNames = names;
  return hold;
}

/**
 * Puts own methods on an unpatched response of Node. Written out, because V8 turns an object with so many
 * computed property names into a dictionary, which costs a request on Koa 4 µs.
 */
function interceptNode(res: NativeResponse): Hold {
  const own = ownHooks as unknown as NativeResponse;
  res.writeHead = own.writeHead;
  res.writeHeader = own.writeHeader;
  res._implicitHeader = own._implicitHeader;
  res.flushHeaders = own.flushHeaders;
  res.write = own.write;
  res.end = own.end;
  res.cork = own.cork;
  res.uncork = own.uncork;
  res.destroy = own.destroy;
  res._send = own._send;
  const hold = new Hold(res, nativeMethods);
  hold.ownNames = allNames;
  return hold;
}

/** Makes a hold with its own functions, because foreign methods lie between it and the outer one. */
function interceptAbove(res: NativeResponse, outer: Hold): Hold {
  const hold = new Hold(res, methodsOf(res));
  hold.outer = outer;
  const hooks = hooksFor(() => hold, hold.previous);
  for (const name of methodNames) Reflect.set(res, name, hooks[name]);
  if (typeof res.flush === 'function') res.flush = hooks.flush;
  if (res.on !== native.on) res.on = hooks.on as typeof res.on;
  return installed(hold);
}

/** Whether the response has not been patched since, so that one hold serves both layers. */
export function isUncovered(hold: Hold): boolean {
  const { res, installed: before } = hold;
  if (before === undefined) return true;
  return res.write === before.write && res.end === before.end && res.writeHead === before.writeHead;
}

/** Nearly all responses of an app have the same methods, so they share what is noted of them. */
let lastInstalled: Installed | undefined;

/** Notes the current methods. */
export function installed(hold: Hold): Hold {
  const { write, end, writeHead, _implicitHeader } = hold.res;
  const isSame =
    lastInstalled?.write === write &&
    lastInstalled.end === end &&
    lastInstalled.writeHead === writeHead &&
    lastInstalled._implicitHeader === _implicitHeader;
  if (!isSame) lastInstalled = { write, end, writeHead, _implicitHeader };
  hold.installed = lastInstalled;
  return hold;
}

/** Returns the names of the patched methods of a response. */
function takenFrom(res: NativeResponse, prototype: NativeResponse): string[] {
  // Reads each name instead of a loop: this runs for every request.
  const isFree =
    res.write === prototype.write &&
    res.end === prototype.end &&
    res.writeHead === prototype.writeHead &&
    res.writeHeader === prototype.writeHeader &&
    res._implicitHeader === prototype._implicitHeader &&
    res.flushHeaders === prototype.flushHeaders &&
    res.cork === prototype.cork &&
    res.uncork === prototype.uncork &&
    res.destroy === prototype.destroy &&
    res._send === prototype._send &&
    res.on === native.on &&
    res.flush === undefined;
  return isFree ? [] : ['on', 'flush', ...methodNames].filter(name => isTaken(res, name, prototype));
}

/** Whether a method is patched by an own property, or on a prototype nearer than ours: `app.response.end`. */
function isTaken(res: NativeResponse, name: string, prototype: NativeResponse): boolean {
  if (name === 'on') return res.on !== native.on;
  return Object.hasOwn(res, name) || Reflect.get(res, name) !== Reflect.get(prototype, name);
}

/** Returns the prototype right below Node's that belongs to a framework: `express.response`. */
function frameworkPrototype(res: NativeResponse): NativeResponse | undefined {
  let below: NativeResponse | undefined;
  for (let each = Object.getPrototypeOf(res); each && each !== native; each = Object.getPrototypeOf(each))
    below = each;
  return below && Object.getPrototypeOf(below) === native ? below : undefined;
}

/** Patches a prototype once for all copies of callnext; without a hold its methods act as before. */
function patchOnce(base: NativeResponse & { [patchedKey]?: PreviousMethods }): PreviousMethods {
  const known = base[patchedKey];
  if (known) return known;
  const previous = methodsOf(base);
  const hooks = hooksFor((res, name) => {
    const hold = slotOf<Hold>(res)?.hold;
    // An outer wrapper may have stored this method as its "previous" one: it must then act natively.
    return hold?.ownNames?.has(name) ? undefined : hold;
  }, previous);
  for (const name of methodNames)
    Object.defineProperty(base, name, {
      value: hooks[name],
      writable: true,
      configurable: true,
      enumerable: false,
    });
  Object.defineProperty(base, 'writableEnded', writableEnded);
  Object.defineProperty(base, patchedKey, { value: previous });
  return previous;
}
