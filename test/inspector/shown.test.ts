import { barsOf } from '../../adapters/inspector/shown/bars.js';
import { type Filter, isShown, timeOf } from '../../adapters/inspector/shown/filter.js';
import { textOf } from '../../adapters/inspector/shown/lines.js';
import { marksOf, promisedOrder } from '../../adapters/inspector/shown/order.js';
import type { RequestRecord, Step } from '../../adapters/inspector/shown/record.js';
import { Records } from '../../adapters/inspector/shown/records.js';
import { outOfOrder } from '../../adapters/inspector/shown/verdict.js';

/** Steps in a short form: name, stage, beginning and end, which are also their places among all moments. */
const step = (
  stage: Step['stage'],
  name: string,
  begun: number,
  ended?: number,
  more: Partial<Step> = {},
): Step => ({
  stage,
  name,
  at: begun,
  begun,
  ...(ended === undefined ? {} : { to: ended, ended }),
  ...more,
});

const record = (steps: Step[], more: Partial<RequestRecord> = {}): RequestRecord => ({
  id: 1,
  method: 'GET',
  path: '/items/1',
  startedAt: 0,
  steps,
  omitted: 0,
  isOver: true,
  ...more,
});

const outOfStock = { name: 'Error', message: 'out of stock' };

const failed = record(
  [
    step('middleware', 'audit', 1, 8, { failure: { ...outOfStock, from: 'sell' } }),
    step('dependency', 'getDb', 2, 3, { scope: 'request', dependency: 2 }),
    step('endpoint', 'sell', 4, 5, { failure: outOfStock }),
    step('exit', 'getDb', 6, 7, {
      scope: 'request',
      dependency: 2,
      thrownIn: { ...outOfStock, from: 'sell' },
    }),
    step('report', 'mail', 9, 9, {
      code: 'TASK_DROPPED',
      failure: { name: 'CallnextError', message: 'The task `mail` was dropped.' },
    }),
    step('send', 'send', 10, 12, { outcome: 'sent' }),
  ],
  { method: 'POST', path: '/sell', status: 500 },
);

const fine = record(
  [
    step('middleware', 'audit', 1, 8, { status: 200 }),
    step('dependency', 'getDb', 2, 3, { scope: 'request', dependency: 2 }),
    step('endpoint', 'read', 4, 5),
    step('send', 'send', 9, 10, { status: 200, outcome: 'sent' }),
    step('exit', 'getDb', 11, 12, { scope: 'request', dependency: 2 }),
    step('task', 'notify', 13, 14),
  ],
  { status: 200, route: '/items/:id' },
);

it('writes a request as `npm run demo` does, with its failures', () => {
  expect(textOf(failed)).toBe(`POST /sell → 500

     1.0 ms  middleware  audit before
     2.0 ms  dependency  getDb enter
     4.0 ms  endpoint    sell
     5.0 ms  endpoint    sell failed: Error: out of stock
     6.0 ms  dependency  getDb exit with Error
     8.0 ms  middleware  audit failed
     9.0 ms  reported    CallnextError: The task \`mail\` was dropped.
    12.0 ms  response    sent by the framework
`);
  expect(textOf(record([], { omitted: 3 }))).toBe('GET /items/1 → no response yet\n\n  … and 3 more steps\n');
});

it('sorts what has run into the promised order', () => {
  const namesOf = (each: RequestRecord) =>
    promisedOrder(each)
      .filter(({ names }) => names.length > 0)
      .map(({ title, names }) => [title, ...names]);
  expect(namesOf(fine)).toEqual([
    ['Middleware, on the way in', 'audit'],
    ['Dependencies enter', 'getDb'],
    ['Endpoint or native code', 'read'],
    ['Middleware, on the way out', 'audit'],
    ['Response', 'sent 200'],
    ['Exits of scope request', 'getDb'],
    ['Background tasks', 'notify'],
  ]);
  expect(namesOf(failed).map(([title]) => title)).toContain('Failure thrown into open dependencies');
  expect(namesOf(failed).map(([title]) => title)).not.toContain('Exits of scope request');
});

describe('the comparison with the promised order', () => {
  it.each([
    ['a success', fine],
    ['a failure', failed],
    ['nothing', record([])],
  ])('accepts %s', (_title, each) => expect(outOfOrder(each)).toBeUndefined());

  it.each<[string, Step[], string]>([
    [
      'an exit of scope `request` before the response',
      [
        step('exit', 'getDb', 1, 2, { scope: 'request' }),
        step('send', 'send', 3, 4, { outcome: 'sent', status: 200 }),
      ],
      '“sent 200” came after “getDb exit”',
    ],
    [
      'a task before an exit',
      [step('task', 'notify', 1, 2), step('exit', 'getDb', 3, 4, { scope: 'request' })],
      '“getDb exit” came after “task notify”',
    ],
    [
      'a dependency after its endpoint',
      [step('endpoint', 'read', 1, 2), step('dependency', 'getDb', 3, 4)],
      '“getDb enter” came after “read”',
    ],
  ])('finds %s', (_title, steps, wrong) => expect(outOfOrder(record(steps))).toBe(wrong));
});

describe('the marks', () => {
  const textsOf = (...steps: Step[]) => marksOf(record(steps)).map(({ text }) => text);
  it.each<[string[], Step[]]>([
    [[], fine.steps],
    [['rolled back', 'task dropped'], failed.steps],
    [['client left'], [step('send', 'send', 1, 2, { outcome: 'aborted' })]],
    [['cut'], [step('send', 'send', 1, 2, { outcome: 'aborted', failure: outOfStock })]],
    [['task failed'], [step('task', 'notify', 1, 2, { failure: outOfStock })]],
    [['closed late'], [step('report', 'exit', 1, 1, { code: 'BODY_UNCLOSED' })]],
    [['closed late'], [step('send', 'send', 1, 2, { outcome: 'sent' }), step('middleware', 'slow', 0, 3)]],
  ])('are %j', (expected, steps) => expect(textsOf(...steps)).toEqual(expected));
});

it('draws a middleware around what is below it, and a dependency up to its exit', () => {
  const bars = barsOf(fine).map(({ stage, name, depth, segments }) => [
    stage,
    name,
    depth,
    ...segments.map(({ kind, name: part, from, to }) => `${kind} ${part} ${from}-${to}`),
  ]);
  expect(bars).toEqual([
    ['middleware', 'audit', 0, 'work in 1-2', 'open below 2-5', 'work out 5-8'],
    ['dependency', 'getDb', 1, 'work enter 2-3', 'open open 3-11', 'work exit 11-12'],
    ['endpoint', 'read', 1, 'work  4-5'],
    ['send', 'send', 0, 'work  9-10'],
    ['task', 'notify', 0, 'work  13-14'],
  ]);
  expect(barsOf(failed).flatMap(({ notes }) => notes)).toEqual([
    'Error: out of stock (from sell)',
    'thrown in: Error: out of stock (from sell)',
    'Error: out of stock',
    'CallnextError: The task `mail` was dropped.',
  ]);
  const running = barsOf(record([step('middleware', 'audit', 1), step('endpoint', 'read', 4)]));
  expect(running.map(({ isRunning }) => isRunning)).toEqual([true, true]);
});

describe('the filter', () => {
  const all: Filter = { route: '', status: '', slowerThan: 0 };
  it.each<[Partial<Filter>, boolean, boolean]>([
    [{}, true, true],
    [{ route: 'SELL' }, false, true],
    [{ route: ':id' }, true, false],
    [{ status: '2' }, true, false],
    [{ status: '5' }, false, true],
    [{ status: 'marked' }, false, true],
    [{ status: 'running' }, false, false],
    [{ slowerThan: 11 }, false, true],
    [{ slowerThan: 9 }, true, true],
    [{ slowerThan: 12 }, false, false],
  ])('%j', (filter, showsFine, showsFailed) => {
    expect([fine, failed].map(each => isShown(each, { ...all, ...filter }))).toEqual([
      showsFine,
      showsFailed,
    ]);
  });

  it('measures until the response is out, not until the last task', () => {
    expect(timeOf(fine)).toBe(10);
    expect(timeOf(record([step('endpoint', 'slow', 1)], { isOver: false }))).toBe(1);
  });
});

describe('the records of the page', () => {
  const batch = { limit: 3, isFirst: false, records: [], app: [], gone: [] };
  const of = (...ids: number[]) => ids.map(id => ({ ...fine, id }));

  it('are as many as the server keeps, newest first, also if an old one changes late', () => {
    const records = new Records();
    records.take({ ...batch, isFirst: true, records: of(1, 2, 3, 4) });
    records.take({ ...batch, records: of(2) });
    records.take({ ...batch, records: of(1) });
    expect(records.requests.map(({ id }) => id)).toEqual([4, 3, 2]);
    records.take({ ...batch, gone: [3] });
    expect(records.requests.map(({ id }) => id)).toEqual([4, 2]);
  });

  it('stay away once cleared, and begin anew with a server', () => {
    const records = new Records();
    records.take({ ...batch, records: of(1, 2) });
    records.clear();
    records.take({ ...batch, records: of(2, 3) });
    expect(records.requests.map(({ id }) => id)).toEqual([3]);
    records.take({ ...batch, isFirst: true, records: of(1) });
    expect(records.requests.map(({ id }) => id)).toEqual([1]);
  });
});
