export { isGeneratorFunction } from '../errors.js';

/** Whether it is the object of a generator function of the engine. */
export function isGeneratorObject(value: unknown): boolean {
  const tag = tagOf(value);
  return tag === 'Generator' || tag === 'AsyncGenerator';
}

/** Whether `await` would wait for it. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

/**
 * How compilers write a generator function for targets that have none: by a helper of that name, or, where a
 * minifier has renamed it, by another generator or a function that is given `this`.
 */
const compiledCode = /\b_\w*[gG]enerator\w*\b|regenerator|function\s*\*|\(\s*this\s*,\s*function\b/;

/** Whether a compiler may have made a plain function of a generator function. */
export function looksCompiled(produce: (...args: never[]) => unknown): boolean {
  return compiledCode.test(Function.prototype.toString.call(produce));
}

function tagOf(value: unknown): unknown {
  return (value as { [Symbol.toStringTag]?: unknown } | null | undefined)?.[Symbol.toStringTag];
}
