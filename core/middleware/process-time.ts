import { markFactory } from '../errors.js';
import type { Middleware } from './middleware.js';
import { described, headerName, readOptions } from './options.js';

/** The options of `processTime()`. */
export interface ProcessTimeOptions {
  /** `x-process-time` unless set. */
  header?: string;
}

/**
 * Says in a header how many seconds the answer took, from here to its head: the middleware of FastAPI's
 * tutorial.
 *
 * ```ts
 * layer.addMiddleware(processTime()); // x-process-time: 0.0031478749588131905
 * ```
 *
 * The number is written as Python writes it. Throws `MIDDLEWARE_OPTIONS` when it is built.
 */
export function processTime(given: ProcessTimeOptions = {}): Middleware {
  const options = readOptions<Required<ProcessTimeOptions>>('processTime', given, {
    header: headerName('x-process-time'),
  });
  return described(async function processTime(request, callNext) {
    const start = performance.now();
    const elapsed = (): string => pythonFloat((performance.now() - start) / 1000);
    try {
      const response = await callNext(request);
      response.headers.set(options.header, elapsed());
      return response;
    } catch (thrown) {
      request.errorHeaders.set(options.header, elapsed());
      throw thrown;
    }
  }, options);
}
markFactory(processTime);

/**
 * Python's `str()` of a float of at least 0: with a point, and with an exponent of two digits below 0.0001.
 */
function pythonFloat(seconds: number): string {
  if (Number.isInteger(seconds)) return seconds.toFixed(1);
  if (seconds >= 1e-4) return String(seconds);
  return seconds.toExponential().replace(/e-(\d)$/, 'e-0$1');
}
