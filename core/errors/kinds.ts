/** Whether a value is a class or a platform constructor, by its read-only `prototype`. */
export function isClass(value: object): boolean {
  if (typeof value !== 'function') return false;
  if (Object.getOwnPropertyDescriptor(value, 'prototype')?.writable !== false) return false;
  // The `prototype` of a frozen function is read-only too.
  return !Object.isFrozen(value) || /^class\b|\[native code\]/.test(Function.prototype.toString.call(value));
}

/** Works across realms. A generator function compiled for a target below ES2018 is a plain function. */
export function isGeneratorFunction(value: unknown): boolean {
  const tag = Object.prototype.toString.call(value);
  return tag === '[object GeneratorFunction]' || tag === '[object AsyncGeneratorFunction]';
}

/** Works across realms. */
export function isAsyncFunction(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]';
}

/** Kinds of objects that `JSON.stringify` writes without their content, often as `{}`. */
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

/** Returns the kind of an object that JSON cannot express, across realms; none if it has a `toJSON`. */
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
const mountedKey = Symbol.for('callnext.mounted');

/** Marks a native handler with the adapter function that created it, and the layer or endpoint inside it. */
export function madeBy<Handler extends object>(adapter: string, handler: Handler, of?: object): Handler {
  if (of) Object.defineProperty(handler, mountedKey, { value: of });
  return Object.defineProperty(handler, adapterKey, { value: adapter });
}

/** The layer or the endpoint inside a native handler. */
export function mountedIn(handler: unknown): object | undefined {
  return typeof handler === 'function' ? Reflect.get(handler, mountedKey) : undefined;
}

/** The adapter function that created this native handler, such as `toExpress`. */
export function adapterOf(value: object): string | undefined {
  return Reflect.get(value, adapterKey);
}

const factoryKey = Symbol.for('callnext.factory');

/** Marks a function that returns a middleware or a dependency and must be called first, such as `cors`. */
export function markFactory(factory: object): void {
  Object.defineProperty(factory, factoryKey, { value: true });
}

export function isFactory(fn: object): boolean {
  return factoryKey in fn;
}

/** Whether a value is a Standard Schema. */
export function isSchemaLike(received: unknown): boolean {
  return (typeof received === 'object' || typeof received === 'function') && '~standard' in (received ?? {});
}
