import { markFactory } from '../errors.js';
import type { Request } from '../http/request.js';
import { sharedOf } from '../http/request-parts.js';
import { type Timing, Timings } from '../http/timings.js';
import type { Middleware } from './middleware.js';
import { described, flag, optionalFunction, readOptions } from './options.js';

export interface ServerTimingOptions {
  /**
   * Whether to measure a request; always by default. The header reveals the names of your functions to the
   * client.
   */
  enabled?: (request: Request) => boolean;
  /** Whether to add an entry `total` for everything below; `true` by default. */
  total?: boolean;
}

/**
 * Sets `server-timing` to the milliseconds that each middleware below, each dependency, the endpoint and each
 * exit before the response took, which browsers show in their developer tools (W3C Server Timing).
 *
 * ```ts
 * layer.addMiddleware(serverTiming({ enabled: () => process.env.NODE_ENV !== 'production' }));
 * // server-timing: cors;dur=0.12, getDb;dur=4.1, readItem;dur=12.5, total;dur=16.9
 * ```
 *
 * A middleware's time is its own, before and after `callNext`; a dependency's ends once it has a value.
 * Exits come before the response in scope `function`, and after a failure. Native code is called `handler`.
 * Outer middleware, and exits and tasks after the response, are not included: add this middleware last. Pages
 * of other origins need `timing-allow-origin` to see the header.
 * Throws `MIDDLEWARE_OPTIONS`.
 */
export function serverTiming(given: ServerTimingOptions = {}): Middleware {
  const options = readOptions<Required<ServerTimingOptions>>('serverTiming', given, {
    enabled: optionalFunction('a function (request) => boolean', always),
    total: flag(true),
  });
  return described(async function serverTiming(request, callNext) {
    const shared = sharedOf(request);
    // An outer layer already measures this request.
    if (shared.timings || !options.enabled(request)) return callNext(request);
    const timings = new Timings();
    shared.timings = timings;
    const start = performance.now();
    const entries = (): string[] => {
      const total = options.total ? [{ name: 'total', duration: performance.now() - start }] : [];
      return [...timings.done, ...total].map(entryOf);
    };
    try {
      const response = await callNext(request);
      for (const entry of entries()) response.headers.append('server-timing', entry);
      return response;
    } catch (thrown) {
      request.errorHeaders.set('server-timing', entries().join(', '));
      throw thrown;
    }
  }, options);
}
markFactory(serverTiming);

function always(): boolean {
  return true;
}

/** `name;desc="…";dur=…`, with a description if the name is not a token. */
function entryOf({ name, duration }: Timing): string {
  const token = name.replace(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]+/g, '_');
  const description = name.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&');
  return `${token}${token === name ? '' : `;desc="${description}"`};dur=${Number(duration.toFixed(3))}`;
}
