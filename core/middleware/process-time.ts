import { markFactory } from '../errors.js';
import type { Middleware } from './middleware.js';
import { described, headerName, readOptions } from './options.js';

export interface ProcessTimeOptions {
  /** `x-process-time` by default. */
  header?: string;
}

/**
 * Sets a header to the seconds from here to the head of the response, like the middleware in FastAPI's
 * tutorial.
 *
 * ```ts
 * layer.addMiddleware(processTime()); // x-process-time: 0.0031478749588131905
 * ```
 *
 * The number is formatted as in Python. Throws `MIDDLEWARE_OPTIONS`.
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
 * Python's `str()` of a float of at least 0: with a decimal point, and below 0.0001 with a two-digit
 * exponent.
 */
function pythonFloat(seconds: number): string {
  if (Number.isInteger(seconds)) return seconds.toFixed(1);
  if (seconds >= 1e-4) return String(seconds);
  return seconds.toExponential().replace(/e-(\d)$/, 'e-0$1');
}
