import { markFactory } from '../errors.js';
import type { Request } from '../http/request.js';
import { sharedOf } from '../http/request-parts.js';
import { type Timing, Timings } from '../http/timings.js';
import type { Middleware } from './middleware.js';
import { described, flag, optionalFunction, readOptions } from './options.js';

/** The options of `serverTiming()`. */
export interface ServerTimingOptions {
  /**
   * Whether this request is measured, and its client told; all are unless set. The names of your functions
   * are in it.
   */
  enabled?: (request: Request) => boolean;
  /** Whether there is an entry `total` for all that is below; `true` unless set. */
  total?: boolean;
}

/**
 * Says in `server-timing` how many milliseconds each middleware below, each dependency and the endpoint took,
 * which the developer tools of a browser draw (W3C Server Timing).
 *
 * ```ts
 * layer.addMiddleware(serverTiming({ enabled: () => process.env.NODE_ENV !== 'production' }));
 * // server-timing: cors;dur=0.12, getDb;dur=4.1, readItem;dur=12.5, total;dur=16.9
 * ```
 *
 * A middleware's time is its own, before and after `callNext`; a dependency's ends when its value is there.
 * Native code is called `handler`. What comes after the response (exits, tasks) and what is further out is
 * not there to be told of yet: add it last. Pages of other origins see it where `timing-allow-origin` lets
 * them. Throws `MIDDLEWARE_OPTIONS` when it is built.
 */
export function serverTiming(given: ServerTimingOptions = {}): Middleware {
  const options = readOptions<Required<ServerTimingOptions>>('serverTiming', given, {
    enabled: optionalFunction('a function (request) => boolean', always),
    total: flag(true),
  });
  return described(async function serverTiming(request, callNext) {
    const shared = sharedOf(request);
    // A layer further out measures already, and will tell of what is here.
    if (shared.timings || !options.enabled(request)) return callNext(request);
    const timings = new Timings();
    shared.timings = timings;
    const start = performance.now();
    const response = await callNext(request);
    const total = options.total ? [{ name: 'total', duration: performance.now() - start }] : [];
    for (const timing of [...timings.done, ...total])
      response.headers.append('server-timing', entryOf(timing));
    return response;
  }, options);
}
markFactory(serverTiming);

function always(): boolean {
  return true;
}

/** `name;desc="…";dur=…`, the description where the name is no token. */
function entryOf({ name, duration }: Timing): string {
  const token = name.replace(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]+/g, '_');
  const description = name.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&');
  return `${token}${token === name ? '' : `;desc="${description}"`};dur=${Number(duration.toFixed(3))}`;
}
