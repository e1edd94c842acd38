import { checkOption, checkOptions, type OptionNames } from '../../core/adapter.js';

export interface CallnextInstrumentationOptions {
  /** Whether it starts to watch when it is made; `true` by default. */
  enabled?: boolean;
  /** Whether a request without a span gets a SERVER span; `true` by default. */
  server?: boolean;
  /** Whether each middleware gets a span; `true` by default. */
  middleware?: boolean;
  /** Whether the enter and the exit of each dependency get a span; `true` by default. */
  dependencies?: boolean;
  /** Whether endpoints and the native code below a layer get a span; `true` by default. */
  endpoints?: boolean;
  /** Whether sending the response gets a span, which may last as long as its stream; `false` by default. */
  send?: boolean;
  /**
   * Spans of background tasks: `'child'` of the request's span, although they end after it, which is the
   * default; `'link'`, a trace of its own with a link to the request's; or `false`.
   */
  tasks?: 'child' | 'link' | false;
  /**
   * Spans of durable tasks, where they are stored and where they run. By default, `'link'`: the second begins
   * a trace of its own, with a link to the first. `'child'` makes it a child of the first.
   */
  durableTasks?: 'child' | 'link' | false;
}

const known = {
  enabled: true,
  server: true,
  middleware: true,
  dependencies: true,
  endpoints: true,
  send: true,
  tasks: true,
  durableTasks: true,
} satisfies OptionNames<CallnextInstrumentationOptions>;

const places: readonly unknown[] = ['child', 'link', false];

const where = 'callnextInstrumentation()';

/** Throws `OPTIONS`, `UNKNOWN_OPTION` and `OPTION_VALUE`. */
export function checkedOptions(
  given: CallnextInstrumentationOptions,
): Required<CallnextInstrumentationOptions> {
  checkOptions(where, given, known);
  const { tasks = 'child', durableTasks = 'link', ...flags } = given;
  for (const [name, value] of Object.entries(flags))
    checkOption(where, name, value, 'true or false', each => typeof each === 'boolean');
  for (const [name, value] of Object.entries({ tasks, durableTasks }))
    checkOption(where, name, value, "'child', 'link' or false", each => places.includes(each));
  const defaults = { enabled: true, server: true, middleware: true, dependencies: true, endpoints: true };
  const chosen = Object.entries(flags).filter(([, value]) => value !== undefined);
  return { ...defaults, send: false, tasks, durableTasks, ...Object.fromEntries(chosen) };
}
