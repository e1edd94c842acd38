/**
 * Whether a function is a class or a constructor of the platform: their `prototype` cannot be replaced. Nor
 * can that of a frozen function, whose code tells it from them.
 */
export function isClass(value: object): boolean {
  if (typeof value !== 'function') return false;
  if (Object.getOwnPropertyDescriptor(value, 'prototype')?.writable !== false) return false;
  return !Object.isFrozen(value) || /^class\b|\[native code\]/.test(Function.prototype.toString.call(value));
}

/** Also of another realm. A generator that a compiler has taken apart is a plain function. */
export function isGeneratorFunction(value: unknown): boolean {
  const tag = Object.prototype.toString.call(value);
  return tag === '[object GeneratorFunction]' || tag === '[object AsyncGeneratorFunction]';
}

/** Also of another realm. */
export function isAsyncFunction(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]';
}

/** What JSON would make `{}` or inner fields of, in place of its content. */
export type ContentKind = 'stream' | 'bytes' | 'form' | 'map' | 'set';

const contentKinds: Readonly<Record<string, ContentKind>> = {
  ArrayBuffer: 'bytes',
  SharedArrayBuffer: 'bytes',
  Blob: 'bytes',
  File: 'bytes',
  FormData: 'form',
  URLSearchParams: 'form',
  ReadableStream: 'stream',
  Map: 'map',
  Set: 'set',
};

/**
 * The kind of an object that is no plain data, also of another realm. One with a `toJSON` says itself what it
 * is.
 */
export function contentKindOf(value: unknown): ContentKind | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  try {
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return undefined;
    if (Symbol.asyncIterator in value) return 'stream';
    if (Object.getPrototypeOf(value) === Object.prototype) return undefined;
    if (ArrayBuffer.isView(value)) return 'bytes';
    return contentKinds[Object.prototype.toString.call(value).slice(8, -1)];
  } catch {
    return undefined;
  }
}

const adapterKey = Symbol.for('callnext.adapter');

/** Marks a handler that is for a framework, so that it is recognised where one of ours is expected. */
export function madeBy<Handler extends object>(adapter: string, handler: Handler): Handler {
  return Object.defineProperty(handler, adapterKey, { value: adapter });
}

/** The function that has made a handler for a framework, such as `toExpress`. */
export function adapterOf(value: object): string | undefined {
  return Reflect.get(value, adapterKey);
}

const factoryKey = Symbol.for('callnext.factory');

/** Marks a function that makes a middleware or a dependency, and is neither itself. */
export function markFactory(factory: object): void {
  Object.defineProperty(factory, factoryKey, { value: true });
}

/** Whether it is to be called first, as in `addMiddleware(cors)`. */
export function isFactory(fn: object): boolean {
  return factoryKey in fn;
}
