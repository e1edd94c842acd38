import { ServerResponse } from 'node:http';
import { exchangeKey } from '../exchange-key.js';
import { http2Stream } from '../http2-stream.js';
import type { NativeResponse } from '../node-types.js';
import { HeldResponse, type PreviousMethods } from './held-response.js';
import { writableEnded } from './writable-ended.js';

interface Intercepted {
  readonly [exchangeKey]?: { readonly root: HeldResponse | undefined };
}

type Method = (this: NativeResponse, ...args: unknown[]) => unknown;
type Methods = Record<string, Method>;
type SmallAnswer = Record<'_implicitHeader' | '_send' | 'end' | 'uncork' | 'write', Method>;

/** What a hold stands in for. */
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
/** What somebody who has put one method on a response may have kept of the others: express-session's `end` calls `write`. */
const writers = ['writeHead', 'write', 'end'] as const;
const native = ServerResponse.prototype as NativeResponse;
const nativeMethods = methodsOf(native);
const patchedKey: unique symbol = Symbol.for('callnext.patched') as never;

/** The methods of a response, or of a prototype, as they are now. */
export function methodsOf(target: object): PreviousMethods {
  const entries = [...methodNames, 'on', 'flush'].map(name => [name, Reflect.get(target, name)]);
  return Object.fromEntries(entries);
}

/** The methods below all those that somebody has put on a response: the framework's, or Node's own. */
export function originalMethods(res: NativeResponse): PreviousMethods {
  if (http2Stream(res)) return methodsOf(Object.getPrototypeOf(res));
  const base = frameworkPrototype(res) ?? native;
  return (Reflect.get(base, patchedKey) as PreviousMethods | undefined) ?? methodsOf(base);
}

function rootOf(res: NativeResponse): HeldResponse | undefined {
  return (res as Intercepted)[exchangeKey]?.root;
}

/** What is called in place of each method. `writeHeader` is Node's old name of `writeHead`. */
const { writeHead } = HeldResponse.prototype;
const members = { ...methodsOf(HeldResponse.prototype), writeHeader: writeHead } as unknown as Methods;

/** What stands in place of a method: a function that has its name. */
export function heldMethod(target: HeldResponse, name: string): (...args: unknown[]) => unknown {
  const member = members[name] as Method;
  return (...args) => Reflect.apply(member, target as never, args);
}

/**
 * Puts a held response in front of a native one's methods.
 *
 * Express' responses have a prototype of their own below Node's: it is patched once for all requests, which costs a
 * request 4 %, where own properties cost 19 % on Node up to 22. Where there is no such prototype, or where an
 * earlier middleware has put methods of its own on the response, own properties take those places: the order of calls is
 * what counts. `outer` is a held response that is already there, with foreign methods above it.
 */
export function intercept(res: NativeResponse, outer: HeldResponse | undefined): HeldResponse {
  if (outer) return interceptAbove(res, outer);
  const base = frameworkPrototype(res);
  const patched = base && patchOnce(base);
  const taken = takenFrom(res, base ?? native);
  if (taken.length === 0) return installed(patched ? new HeldResponse(res, patched) : interceptAll(res));
  const ownNames = [...new Set([...(patched ? writers : methodNames), ...taken])];
  const previous = { ...(patched ?? nativeMethods) } as unknown as Methods;
  for (const name of taken) previous[name] = Reflect.get(res, name) as Method;
  for (const name of ownNames) Reflect.set(res, name, ownMethods[name]);
  const held = new HeldResponse(res, previous as unknown as PreviousMethods);
  held.ownNames = new Set(ownNames);
  return installed(held);
}

/**
 * Own methods on a response of Node's that nobody has put others on. Written out: V8 makes a dictionary of an object that gets so many
 * properties by computed names, which cost a request on Koa 4 µs more.
 */
function interceptAll(res: NativeResponse): HeldResponse {
  const own = ownMethods as unknown as PreviousMethods & Pick<NativeResponse, 'writeHeader'>;
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
  const held = new HeldResponse(res, nativeMethods);
  held.ownNames = allNames;
  return held;
}

/** Whether nobody has put other methods onto the response since, so that one hold serves both layers. */
export function isUncovered(held: HeldResponse): boolean {
  const { res, installed: before } = held;
  if (before === undefined) return true;
  return res.write === before.write && res.end === before.end && res.writeHead === before.writeHead;
}

/** Notes the methods as they are now. */
export function installed(held: HeldResponse): HeldResponse {
  const { write, end, writeHead } = held.res;
  held.installed = { write, end, writeHead };
  return held;
}

/** Foreign methods stand between this hold and the outer one: each has its own closures. */
function interceptAbove(res: NativeResponse, outer: HeldResponse): HeldResponse {
  const held = new HeldResponse(res, methodsOf(res));
  held.outer = outer;
  for (const name of methodNames) Reflect.set(res, name, heldMethod(held, name));
  if (typeof res.flush === 'function') res.flush = () => held.flush();
  if (res.on !== native.on)
    res.on = ((...args: Parameters<typeof held.on>) => held.on(...args)) as typeof res.on;
  return installed(held);
}

const ownMethods: Methods = {
  ...Object.fromEntries(
    [...methodNames, 'flush', 'on'].map(name => {
      const member = members[name] as Method;
      return [
        name,
        namedMethod(name, (res, args) => Reflect.apply(member, rootOf(res) as HeldResponse as never, args)),
      ];
    }),
  ),
  ...smallAnswer(rootOf as (res: NativeResponse) => HeldResponse, nativeMethods),
};

/** Those that each small answer calls, with the parameters of Node's: a list of them for every call costs 0.5 µs in all. */
function smallAnswer(
  heldFor: (res: NativeResponse, name: string) => HeldResponse | undefined,
  previous: PreviousMethods,
): SmallAnswer & Methods {
  const { _implicitHeader, _send, end, uncork, write } = previous as unknown as SmallAnswer;
  return {
    _implicitHeader() {
      const held = heldFor(this, '_implicitHeader');
      return held ? held._implicitHeader() : _implicitHeader.call(this);
    },
    _send(data, encoding, callback, byteLength) {
      const held = heldFor(this, '_send');
      if (held) return held._send(data, encoding, callback, byteLength);
      return _send.call(this, data, encoding, callback, byteLength);
    },
    write(chunk, encoding, callback) {
      const held = heldFor(this, 'write');
      return held ? held.write(chunk, encoding, callback) : write.call(this, chunk, encoding, callback);
    },
    end(chunk, encoding, callback) {
      const held = heldFor(this, 'end');
      return held ? held.end(chunk, encoding, callback) : end.call(this, chunk, encoding, callback);
    },
    uncork() {
      const held = heldFor(this, 'uncork');
      return held ? held.uncork() : uncork.call(this);
    },
  };
}

const allNames: ReadonlySet<string> = new Set(methodNames);

function namedMethod(name: string, body: (res: NativeResponse, args: unknown[]) => unknown): Method {
  return {
    [name](this: NativeResponse, ...args: unknown[]): unknown {
      return body(this, args);
    },
  }[name] as Method;
}

/** The methods that somebody has put on a response. */
function takenFrom(res: NativeResponse, prototype: NativeResponse): string[] {
  // Reads by their names, and not by a loop: this is asked for every request.
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

/** By an own property, or on a prototype nearer than the one that is patched: `app.response.end`. */
function isTaken(res: NativeResponse, name: string, prototype: NativeResponse): boolean {
  if (name === 'on') return res.on !== native.on;
  return Object.hasOwn(res, name) || Reflect.get(res, name) !== Reflect.get(prototype, name);
}

/** The prototype right below Node's that belongs to a framework: `express.response`. */
function frameworkPrototype(res: NativeResponse): NativeResponse | undefined {
  let below: NativeResponse | undefined;
  for (let each = Object.getPrototypeOf(res); each && each !== native; each = Object.getPrototypeOf(each))
    below = each;
  return below && Object.getPrototypeOf(below) === native ? below : undefined;
}

/** Patches a prototype, once for all copies of callnext; without a held response its methods are what they were. */
function patchOnce(base: NativeResponse & { [patchedKey]?: PreviousMethods }): PreviousMethods {
  if (Object.hasOwn(base, patchedKey)) return base[patchedKey] as PreviousMethods;
  const previous = methodsOf(base);
  // A wrapper outside the layer may have the very method that stands here as its own "previous": it is the native one then.
  const heldFor = (res: NativeResponse, name: string): HeldResponse | undefined => {
    const held = rootOf(res);
    return held?.ownNames?.has(name) ? undefined : held;
  };
  const small = smallAnswer(heldFor, previous);
  for (const name of methodNames) {
    const original = Reflect.get(previous, name) as Method;
    const memberName = name === 'writeHeader' ? 'writeHead' : name;
    const method = namedMethod(name, (res, args) => {
      const held = heldFor(res, name);
      // Its own member, as it may be of another copy of the package.
      return held ? Reflect.apply(held[memberName], held, args) : Reflect.apply(original, res, args);
    });
    Object.defineProperty(base, name, {
      value: small[name] ?? method,
      writable: true,
      configurable: true,
      enumerable: false,
    });
  }
  Object.defineProperty(base, 'writableEnded', writableEnded);
  Object.defineProperty(base, patchedKey, { value: previous });
  return previous;
}
