export { isGeneratorFunction } from '../errors.js';

/** Whether a value is a native generator object. */
export function isGeneratorObject(value: unknown): boolean {
  const tag = tagOf(value);
  return tag === 'Generator' || tag === 'AsyncGenerator';
}

/** Whether `await` would wait for a value. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

/**
 * How compilers write generator functions for old targets: with a helper of this name, or, in minified code,
 * with another generator or a function that receives `this`.
 */
const compiledCode = /\b_\w*[gG]enerator\w*\b|regenerator|function\s*\*|\(\s*this\s*,\s*function\b/;

/** Whether a plain function looks like a compiled generator function. */
export function looksCompiled(produce: (...args: never[]) => unknown): boolean {
  return compiledCode.test(Function.prototype.toString.call(produce));
}

function tagOf(value: unknown): unknown {
  return (value as { [Symbol.toStringTag]?: unknown } | null | undefined)?.[Symbol.toStringTag];
}
