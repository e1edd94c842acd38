import { randomUUID } from 'node:crypto';
import {
  checkOption,
  checkOptions,
  type Endpoint,
  EventSourceResponse,
  endpoint,
  HTTPException,
  misuse,
  noOptions,
  type OptionNames,
  type Request,
  type Response,
} from '../../core/adapter.js';
import { feedOf } from './feed.js';
import { pageResponse } from './page-response.js';
import { Recorder } from './recorder.js';
import { Store } from './store.js';

/** The options of `inspector()`. */
export interface InspectorOptions {
  /**
   * Decides for each request whether it may see the page and its events; others get a 403. Required if
   * `NODE_ENV` is `production`.
   */
  allow?: (request: Request) => boolean | Promise<boolean>;
  /** How many requests are kept, from 1 to 1,000; 100 by default. */
  limit?: number;
}

/** An endpoint that also records. Disposing of it ends the recording, for instance after a test. */
export interface Inspector extends Endpoint, Disposable {}

const knownOptions = { allow: true, limit: true } satisfies OptionNames<InspectorOptions>;

/**
 * Returns an endpoint that shows the latest requests of the process as they come: a page, and at the same
 * path the events that it listens to.
 *
 * ```ts
 * app.use('/inspector', toExpress(inspector()));
 * router.get('/inspector', toKoa(inspector()));
 * ```
 *
 * Records from now on, until it is disposed of. It keeps names, paths without their query strings, times,
 * statuses, and the classes and messages of errors; never headers, bodies or values. It does not show its own
 * requests. Throws `INSPECTOR_IN_PRODUCTION`, `OPTIONS`, `OPTION_VALUE` and `UNKNOWN_OPTION`.
 */
export function inspector(options: InspectorOptions = noOptions): Inspector {
  checkOptions('inspector()', options, knownOptions);
  const { allow, limit = 100 } = options;
  checkOption('inspector()', 'allow', allow, 'a function (request) => boolean', isFunction);
  checkOption('inspector()', 'limit', limit, 'a whole number from 1 to 1000', isLimit);
  refuseInProduction(allow);
  const store = new Store(limit);
  const recorder = new Recorder(store);
  const unsubscribe = recorder.subscribe();
  const boot = randomUUID().slice(0, 8);
  const answer = async ({ request }: { request: Request }): Promise<Response> => {
    recorder.hide(request);
    // A file of the environment may be read after the modules of the app.
    refuseInProduction(allow);
    if (allow && (await allow(request)) !== true) throw new HTTPException(403);
    const { method, headers, signal } = request;
    if (method !== 'GET' && method !== 'HEAD')
      throw new HTTPException(405, undefined, { headers: { allow: 'GET, HEAD' } });
    if (headers.get('accept')?.includes('text/event-stream') !== true) return pageResponse();
    return new EventSourceResponse(feedOf(store, boot, headers.get('last-event-id'), signal));
  };
  const made = endpoint({}, answer, { includeInSchema: false });
  return Object.freeze({ ...made, [Symbol.dispose]: unsubscribe });
}

/** Throws `INSPECTOR_IN_PRODUCTION`. */
function refuseInProduction(allow: InspectorOptions['allow']): void {
  if (!allow && process.env.NODE_ENV === 'production') throw misuse('INSPECTOR_IN_PRODUCTION');
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isLimit(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 1_000;
}
