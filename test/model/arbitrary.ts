import fc from 'fast-check';
import {
  type DependencySpec,
  type EndpointSpec,
  type LayerSpec,
  type MiddlewareSpec,
  type Scenario,
  type TaskSpec,
  widths,
} from './scenario.js';

const fault = fc.constantFrom('error' as const, 'http' as const, 'handled' as const);
/** Most places do not fail, so that requests make progress; two or more failures are still common. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 6 });
const requestScope = fc.constantFrom('function' as const, 'request' as const, 'background' as const);
const scope = fc.oneof(
  { weight: 3, arbitrary: requestScope },
  { weight: 1, arbitrary: fc.constant('app' as const) },
);

const task = (name: string): fc.Arbitrary<TaskSpec> =>
  fc
    .record({
      when: fc.constantFrom('success' as const, 'always' as const),
      fails: fc.boolean(),
      adds: rarely(fc.constantFrom('success' as const, 'always' as const)),
    })
    .map(({ adds, ...each }) => ({
      name,
      ...each,
      ...(adds ? { adds: { name: `${name} added`, when: adds } } : {}),
    }));

interface Node {
  readonly kind: DependencySpec['kind'];
  readonly scope: DependencySpec['scope'];
  readonly needs: readonly number[];
  readonly enter: DependencySpec['enter'];
  readonly exit: DependencySpec['exit'];
  readonly task: TaskSpec | undefined;
  readonly exitTask: TaskSpec | undefined;
}

const node = (name: string): fc.Arbitrary<Node> =>
  fc.record({
    kind: fc.constantFrom('async generator', 'async generator', 'generator', 'disposable', 'plain'),
    scope: fc.option(scope, { nil: undefined }),
    needs: fc.uniqueArray(fc.nat(5), { maxLength: 2 }),
    enter: rarely(fault),
    exit: rarely(fc.constantFrom('error', 'http', 'handled', 'swallows', 'converts')),
    task: rarely(task(`${name} task`)),
    exitTask: rarely(task(`${name} exit task`)),
  }) as fc.Arbitrary<Node>;

const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/**
 * Links each dependency to earlier ones that live long enough. One of scope `app` has no request, so it adds
 * no tasks.
 */
function linked(nodes: readonly Node[], defaultScope: Scenario['defaultScope']): DependencySpec[] {
  type Scoped = { readonly scope: DependencySpec['scope'] };
  const outlives = (each: Scoped, other: Scoped, unnamed: Scenario['defaultScope']): boolean =>
    widths[each.scope ?? unnamed] >= widths[other.scope ?? unnamed];
  const made: DependencySpec[] = [];
  for (const [index, { needs, ...drawn }] of nodes.entries()) {
    const isOfApp = drawn.scope === 'app';
    const rest = isOfApp ? { ...drawn, task: undefined, exitTask: undefined } : drawn;
    const known = needs.flatMap(each => made[each] ?? []);
    // An endpoint is checked when it is built, with the default scope, and again in its layer.
    const living = known.filter(
      each => outlives(each, rest, defaultScope) && outlives(each, rest, 'request'),
    );
    made.push(compact({ name: names[index] as string, ...rest, needs: living }) as unknown as DependencySpec);
  }
  return made;
}

const middleware = (name: string): fc.Arbitrary<MiddlewareSpec> =>
  fc
    .record({
      kind: fc.constantFrom(
        ...(['passes', 'passes', 'passes', 'passes', 'replaces', 'catches', 'answers'] as const),
      ),
      before: fc.option(fault, { nil: undefined, freq: 12 }),
      after: rarely(fault),
      sets: rarely(task(`${name} task`)),
    })
    .map(({ sets, ...each }) => {
      // Its list is closed by then.
      const set = sets && { name: sets.name, when: sets.when, fails: sets.fails };
      return compact({ name, ...each, sets: set }) as unknown as MiddlewareSpec;
    });

interface Drawn {
  readonly layer: Omit<LayerSpec, 'dependencies'>;
  readonly uses: readonly number[];
}

const layer = (name: string): fc.Arbitrary<Drawn> =>
  fc.record({
    layer: fc
      .record({
        middleware: fc
          .integer({ min: 0, max: 2 })
          .chain(count =>
            fc.tuple(...Array.from({ length: count }, (_, index) => middleware(`${name}${index}`))),
          ),
        handler: rarely(fc.constantFrom('answers' as const, 'answers' as const, 'fails' as const)),
        handlerTask: rarely(
          fc.record({ when: fc.constantFrom('success' as const, 'always' as const), fails: fc.boolean() }),
        ),
        catchAll: rarely(fc.constantFrom('answers' as const, 'answers' as const, 'fails' as const)),
      })
      .map(({ handlerTask, ...each }) => {
        const named = handlerTask && { name: `${name} handler task`, ...handlerTask };
        return compact({ name, ...each, handlerTask: named }) as unknown as Drawn['layer'];
      }),
    uses: fc.uniqueArray(fc.nat(5), { maxLength: 2 }),
  });

const endpointSpec = fc.record({
  isNative: fc.boolean(),
  fault: rarely(fault),
  body: fc.constantFrom('data' as const, 'response' as const, 'stream' as const, 'yields' as const),
  streamFails: fc.boolean(),
  tasks: fc.tuple(rarely(task('task 1')), fc.option(task('task 2'), { nil: undefined })),
  ownTask: rarely(task('own task')),
});

/**
 * Any request: a tree of dependencies in any scopes, failures anywhere, a client that may leave at any time.
 */
export const arbitraryScenario: fc.Arbitrary<Scenario> = fc
  .record({
    defaultScope: requestScope,
    nodes: fc.integer({ min: 0, max: 6 }).chain(count => fc.tuple(...names.slice(0, count).map(node))),
    layers: fc
      .integer({ min: 1, max: 2 })
      .chain(count => fc.tuple(...['outer', 'inner'].slice(0, count).map(layer))),
    endpoint: endpointSpec,
    uses: fc.uniqueArray(fc.nat(5), { maxLength: 4 }),
    goes: fc.option(fc.constantFrom('endpoint' as const, 'stream' as const, 'after' as const), {
      nil: undefined,
      freq: 3,
    }),
  })
  .map(({ defaultScope, nodes, layers, endpoint, uses, goes }) => {
    const dependencies = linked(nodes, defaultScope);
    const pick = (indexes: readonly number[]): DependencySpec[] =>
      indexes.flatMap(index => dependencies[index] ?? []);
    const { isNative } = endpoint;
    const body = isNative ? 'data' : endpoint.body;
    const isStream = body === 'stream' || body === 'yields';
    const isWatching = goes === 'after' || (goes === 'stream' && isStream) || !isNative;
    const goesHow = !isWatching ? undefined : goes === 'stream' && !isStream ? 'endpoint' : goes;
    return compact({
      defaultScope,
      layers: layers.map(each => ({ ...each.layer, dependencies: pick(each.uses) })),
      endpoint: compact({
        ...endpoint,
        body,
        streamFails: isStream && goesHow !== 'stream' && endpoint.streamFails,
        ownTask: body === 'data' || body === 'yields' ? undefined : endpoint.ownTask,
        tasks: endpoint.tasks.filter(each => each !== undefined),
        dependencies: pick(uses),
      }) as unknown as EndpointSpec,
      goes: goesHow,
    }) as unknown as Scenario;
  });

/** Removes unset fields, so that a counterexample is short. */
function compact<T extends object>(fields: T): T {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== false),
  ) as T;
}
