import type {
  DependencySpec,
  EndpointSpec,
  LayerSpec,
  MiddlewareSpec,
  Scenario,
  TaskSpec,
} from './scenario.js';

/**
 * The cast of docs/reference/order.md: two middlewares, a dependency per scope, an endpoint with two tasks.
 */
interface Cast {
  readonly outer?: Partial<MiddlewareSpec>;
  readonly inner?: Partial<MiddlewareSpec>;
  readonly background?: Partial<DependencySpec>;
  readonly request?: Partial<DependencySpec>;
  readonly function?: Partial<DependencySpec>;
  readonly endpoint?: Partial<EndpointSpec>;
  readonly task?: Partial<TaskSpec>;
  readonly layer?: Partial<LayerSpec>;
  readonly goes?: Scenario['goes'];
}

/** A row of docs/reference/order.md; the page and the tests are made from these. */
export interface OrderRow {
  readonly title: string;
  readonly cast: Cast;
  /** The events as shown; `…` stands for the way in. */
  readonly shown: string;
  readonly events: readonly string[];
  /** The status that the client gets; `undefined` if its connection was cut. */
  readonly status: number | undefined;
}

const wayIn = ['outer before', 'inner before', 'background enter', 'request enter', 'function enter'];

function row(title: string, cast: Cast, shown: string, status: number | undefined): OrderRow {
  const events = shown.split(' → ').flatMap(event => (event === '…' ? wayIn : event));
  return { title, cast, shown, events, status };
}

export function scenarioOf(cast: Cast): Scenario {
  const dependency = (scope: 'background' | 'request' | 'function'): DependencySpec => ({
    name: scope,
    kind: 'async generator',
    scope,
    needs: [],
    ...cast[scope],
  });
  return {
    defaultScope: 'request',
    layers: [
      {
        name: 'layer',
        middleware: [
          { name: 'outer', kind: 'passes', ...cast.outer },
          { name: 'inner', kind: 'passes', ...cast.inner },
        ],
        dependencies: [],
        ...cast.layer,
      },
    ],
    endpoint: {
      dependencies: [dependency('background'), dependency('request'), dependency('function')],
      body: 'data',
      tasks: [
        { name: 'task', when: 'success', ...cast.task },
        { name: 'always', when: 'always' },
      ],
      ...cast.endpoint,
    },
    ...(cast.goes ? { goes: cast.goes } : {}),
  };
}

/** The tables of docs/reference/order.md. */
export const orderTables: readonly { readonly heading: string; readonly rows: readonly OrderRow[] }[] = [
  {
    heading: 'Success',
    rows: [
      row(
        'An endpoint answers',
        {},
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → task → always → background exit',
        200,
      ),
      row(
        'It returns a response with a `background` of its own',
        { endpoint: { body: 'response', ownTask: { name: 'own', when: 'success' } } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → task → always → own → background exit',
        200,
      ),
      row(
        '…and each middleware has set a `background` too',
        {
          inner: { sets: { name: 'of inner', when: 'success' } },
          outer: { sets: { name: 'of outer', when: 'success' } },
          endpoint: { body: 'response', ownTask: { name: 'own', when: 'success' } },
        },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → task → always → of outer → of inner → own → background exit',
        200,
      ),
      row(
        'It streams',
        { endpoint: { body: 'stream' } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → chunk → stream closed → sent → request exit → task → always → background exit',
        200,
      ),
      row(
        'It is a generator: the response waits for its first value',
        { endpoint: { body: 'yields' } },
        '… → endpoint → chunk → function exit → inner after 200 → outer after 200 → stream closed → sent → request exit → task → always → background exit',
        200,
      ),
      row(
        'Dependencies and their exits add tasks',
        {
          request: { task: { name: 'early', when: 'success' }, exitTask: { name: 'late', when: 'success' } },
          background: { exitTask: { name: 'last', when: 'success' } },
        },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → early → task → always → late → background exit → last',
        200,
      ),
      row(
        'A task adds a task',
        { task: { adds: { name: 'added', when: 'success' } } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → task → always → added → background exit',
        200,
      ),
      row(
        'A middleware answers by itself',
        { inner: { kind: 'answers' } },
        'outer before → inner before → outer after 202 → sent',
        202,
      ),
      row(
        'A middleware replaces the response',
        {
          inner: { kind: 'replaces' },
          endpoint: { body: 'response', ownTask: { name: 'own', when: 'success' } },
        },
        '… → endpoint → function exit → inner after 200 → outer after 201 → sent → request exit → task → always → own → background exit',
        201,
      ),
      row(
        '…with one that has a `background` of its own',
        {
          inner: { kind: 'replaces', sets: { name: 'of inner', when: 'success' } },
          endpoint: { body: 'response', ownTask: { name: 'own', when: 'success' } },
        },
        '… → endpoint → function exit → inner after 200 → outer after 201 → sent → request exit → task → always → of inner → own → background exit',
        201,
      ),
    ],
  },
  {
    heading: 'One failure before the response is sent',
    rows: [
      row(
        'A middleware throws before `callNext`',
        { inner: { before: 'error' } },
        'outer before → inner before → outer caught inner before → sent',
        500,
      ),
      row(
        '…an HTTPException',
        { inner: { before: 'http' } },
        'outer before → inner before → outer after 409 → sent',
        409,
      ),
      row(
        'A dependency throws when it is entered',
        { function: { enter: 'error' } },
        '… → request exit with function enter → background exit with function enter → inner caught function enter → outer caught function enter → sent',
        500,
      ),
      row(
        '…an HTTPException',
        { function: { enter: 'http' } },
        '… → request exit with function enter → background exit with function enter → inner after 409 → outer after 409 → sent',
        409,
      ),
      row(
        'The endpoint throws an exception without a handler',
        { endpoint: { fault: 'error' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped task → inner caught endpoint → outer caught endpoint → sent → always',
        500,
      ),
      row(
        '…an HTTPException',
        { endpoint: { fault: 'http' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped task → inner after 409 → outer after 409 → sent → always',
        409,
      ),
      row(
        '…one with a handler, whose response has a `background`',
        {
          endpoint: { fault: 'handled' },
          layer: { handler: 'answers', handlerTask: { name: 'handler task', when: 'success' } },
        },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped task → layer handler → inner after 422 → outer after 422 → sent → always → handler task',
        422,
      ),
      row(
        '…one without a handler, while there is a handler for `Error`',
        { endpoint: { fault: 'error' }, layer: { catchAll: 'answers' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped task → inner caught endpoint → outer caught endpoint → reported request: endpoint → layer catch-all → sent → always',
        500,
      ),
      row(
        '…and a middleware catches the rejection of `callNext`',
        { endpoint: { fault: 'error' }, inner: { kind: 'catches' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped task → inner caught endpoint → outer after 503 → sent → always',
        503,
      ),
      row(
        '…and a dependency throws an HTTPException instead',
        { endpoint: { fault: 'error' }, request: { exit: 'converts' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with request converted → reported background: dropped task → inner after 409 → outer after 409 → sent → always',
        409,
      ),
      row(
        '…and a dependency swallows it',
        { endpoint: { fault: 'error' }, request: { exit: 'swallows' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with swallowed by request → reported background: dropped task → inner caught swallowed by request → outer caught swallowed by request → sent → always',
        500,
      ),
      row(
        'An exit of scope `function` throws: a commit fails',
        { function: { exit: 'error' } },
        '… → endpoint → function exit → request exit with function exit → background exit with function exit → reported background: dropped task → inner caught function exit → outer caught function exit → sent → always',
        500,
      ),
      row(
        '…an HTTPException',
        { function: { exit: 'http' } },
        '… → endpoint → function exit → request exit with function exit → background exit with function exit → reported background: dropped task → inner after 409 → outer after 409 → sent → always',
        409,
      ),
      row(
        '…and the endpoint is a generator',
        { function: { exit: 'error' }, endpoint: { body: 'yields' } },
        '… → endpoint → chunk → function exit → stream closed → request exit with function exit → background exit with function exit → reported background: dropped task → inner caught function exit → outer caught function exit → sent → always',
        500,
      ),
      row(
        'A middleware throws after `callNext`',
        { inner: { after: 'error' } },
        '… → endpoint → function exit → inner after 200 → request exit with inner after → background exit with inner after → reported background: dropped task → outer caught inner after → sent → always',
        500,
      ),
      row(
        '…an HTTPException',
        { inner: { after: 'http' } },
        '… → endpoint → function exit → inner after 200 → request exit with inner after → background exit with inner after → reported background: dropped task → outer after 409 → sent → always',
        409,
      ),
      row(
        'The outermost middleware throws after `callNext`',
        { outer: { after: 'error' } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → request exit with outer after → background exit with outer after → reported background: dropped task → sent → always',
        500,
      ),
    ],
  },
  {
    heading: 'One failure while or after it is sent',
    rows: [
      row(
        'The producer of a streamed body throws',
        { endpoint: { body: 'stream', streamFails: true } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → chunk → stream closed → cut → reported response: stream → reported background: dropped task → request exit with stream → always → background exit with stream',
        undefined,
      ),
      row(
        'A generator endpoint throws after its first value',
        { endpoint: { body: 'yields', streamFails: true } },
        '… → endpoint → chunk → function exit → inner after 200 → outer after 200 → stream closed → cut → reported response: stream → reported background: dropped task → request exit with stream → always → background exit with stream',
        undefined,
      ),
      row(
        'An exit of scope `request` throws',
        { request: { exit: 'error' } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → reported exit: request exit → reported background: dropped task → always → background exit with request exit',
        200,
      ),
      row(
        'A task throws',
        { task: { fails: true } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → task → reported background: task → always → background exit with task',
        200,
      ),
      row(
        'An exit of scope `background` throws',
        { background: { exit: 'error' } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → task → always → background exit → reported exit: background exit',
        200,
      ),
    ],
  },
  {
    heading: 'The client leaves',
    rows: [
      row(
        'The client leaves while the endpoint is running',
        { goes: 'endpoint' },
        '… → endpoint → gone → function exit → inner after 200 → outer after 200 → request exit → task → always → background exit',
        undefined,
      ),
      row(
        '…while a middleware is handling the response',
        { goes: 'after' },
        '… → endpoint → function exit → inner after 200 → outer after 200 → gone → request exit → task → always → background exit',
        undefined,
      ),
      row(
        '…while the body is being streamed',
        { goes: 'stream', endpoint: { body: 'stream' } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → chunk → gone → stream closed → request exit → task → always → background exit',
        undefined,
      ),
      row(
        '…after a generator endpoint has yielded its first value',
        { goes: 'stream', endpoint: { body: 'yields' } },
        '… → endpoint → chunk → function exit → inner after 200 → outer after 200 → gone → stream closed → request exit → task → always → background exit',
        undefined,
      ),
      row(
        '…and the endpoint throws',
        { goes: 'endpoint', endpoint: { fault: 'error' } },
        '… → endpoint → gone → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped task → inner caught endpoint → outer caught endpoint → reported response: endpoint → always',
        undefined,
      ),
    ],
  },
  {
    heading: 'Two failures',
    rows: [
      row(
        'A dependency throws when it is entered, and an exit throws',
        { function: { enter: 'error' }, request: { exit: 'error' } },
        '… → request exit with function enter → background exit with request exit → inner caught request exit → outer caught request exit → sent',
        500,
      ),
      row(
        'The endpoint throws, and an exit throws',
        { endpoint: { fault: 'error' }, request: { exit: 'error' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with request exit → reported background: dropped task → inner caught request exit → outer caught request exit → sent → always',
        500,
      ),
      row(
        'The endpoint throws, and two exits throw',
        { endpoint: { fault: 'error' }, request: { exit: 'error' }, function: { exit: 'error' } },
        '… → endpoint → function exit with endpoint → request exit with function exit → background exit with request exit → reported background: dropped task → inner caught request exit → outer caught request exit → sent → always',
        500,
      ),
      row(
        'The endpoint throws, and its handler throws',
        { endpoint: { fault: 'handled' }, layer: { handler: 'fails' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped task → layer handler → inner caught layer handler → outer caught layer handler → sent → always',
        500,
      ),
      row(
        'The endpoint throws, and the handler for `Error` throws',
        { endpoint: { fault: 'error' }, layer: { catchAll: 'fails' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped task → inner caught endpoint → outer caught endpoint → reported request: endpoint → layer catch-all → sent → always',
        500,
      ),
      row(
        'The endpoint throws an HTTPException, and a middleware throws after it',
        { endpoint: { fault: 'http' }, inner: { after: 'error' } },
        '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped task → inner after 409 → outer caught inner after → sent → always',
        500,
      ),
      row(
        'Exits of scope `function` and `request` throw',
        { function: { exit: 'error' }, request: { exit: 'error' } },
        '… → endpoint → function exit → request exit with function exit → background exit with request exit → reported background: dropped task → inner caught request exit → outer caught request exit → sent → always',
        500,
      ),
      row(
        'An exit of scope `function` throws an HTTPException, and a middleware throws after it',
        { function: { exit: 'http' }, inner: { after: 'error' } },
        '… → endpoint → function exit → request exit with function exit → background exit with function exit → reported background: dropped task → inner after 409 → outer caught inner after → sent → always',
        500,
      ),
      row(
        'Both middlewares throw after `callNext`',
        { inner: { after: 'http' }, outer: { after: 'error' } },
        '… → endpoint → function exit → inner after 200 → request exit with inner after → background exit with inner after → reported background: dropped task → outer after 409 → sent → always',
        500,
      ),
      row(
        'A middleware throws after `callNext`, and an exit throws',
        { inner: { after: 'error' }, request: { exit: 'error' } },
        '… → endpoint → function exit → inner after 200 → request exit with inner after → background exit with request exit → reported background: dropped task → outer caught request exit → sent → always',
        500,
      ),
      row(
        'The producer throws, and an exit throws',
        { endpoint: { body: 'stream', streamFails: true }, request: { exit: 'error' } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → chunk → stream closed → cut → reported response: stream → reported background: dropped task → request exit with stream → reported exit: request exit → always → background exit with request exit',
        undefined,
      ),
      row(
        'The producer throws, and so does an `always` task',
        {
          endpoint: {
            body: 'stream',
            streamFails: true,
            tasks: [{ name: 'always', when: 'always', fails: true }],
          },
        },
        '… → endpoint → function exit → inner after 200 → outer after 200 → chunk → stream closed → cut → reported response: stream → request exit with stream → always → reported background: always → background exit with stream',
        undefined,
      ),
      row(
        'Exits of scope `request` and `background` throw',
        { request: { exit: 'error' }, background: { exit: 'error' } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → reported exit: request exit → reported background: dropped task → always → background exit with request exit → reported exit: background exit',
        200,
      ),
      row(
        'An exit of scope `request` throws, and so does an `always` task',
        {
          request: { exit: 'error' },
          endpoint: {
            tasks: [
              { name: 'task', when: 'success' },
              { name: 'always', when: 'always', fails: true },
            ],
          },
        },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → reported exit: request exit → reported background: dropped task → always → reported background: always → background exit with request exit',
        200,
      ),
      row(
        'Two tasks throw',
        {
          endpoint: {
            tasks: [
              { name: 'first', when: 'success', fails: true },
              { name: 'second', when: 'success', fails: true },
              { name: 'third', when: 'success' },
            ],
          },
        },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → first → reported background: first → second → reported background: second → third → background exit with first',
        200,
      ),
      row(
        'A task throws, and so does an exit of scope `background`',
        { task: { fails: true }, background: { exit: 'error' } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → task → reported background: task → always → background exit with task → reported exit: background exit',
        200,
      ),
      row(
        'A task throws, and a dependency of scope `background` swallows it',
        { task: { fails: true }, background: { exit: 'swallows' } },
        '… → endpoint → function exit → inner after 200 → outer after 200 → sent → request exit → task → reported background: task → always → background exit with task → reported exit: swallowed by background',
        200,
      ),
    ],
  },
];
