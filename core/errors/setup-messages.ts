import { adapterOf, contentKindOf, isClass, isGeneratorFunction } from './kinds.js';
import { nameOf, show } from './show.js';

/** The options that a message lists, and the likely intended one. */
export interface ListedOptions {
  readonly known: readonly string[];
  readonly meant: string | undefined;
}

/** Returns a space and the first sentence that fits the received value, or an empty string. */
export function cure(
  received: unknown,
  ...cures: readonly (readonly [brand: string, sentence: string])[]
): string {
  const found = cures.find(([kind]) => kinds[kind]?.(received) ?? hasBrand(received, kind));
  return found ? ` ${found[1]}` : '';
}

const kinds: Readonly<Record<string, (received: unknown) => boolean>> = {
  class: received => typeof received === 'function' && isClass(received),
  generator: isGeneratorFunction,
  handler: received => typeof received === 'function' && adapterOf(received) !== undefined,
  function: received => typeof received === 'function',
  list: Array.isArray,
  promise: received => Object.prototype.toString.call(received) === '[object Promise]',
  stream: received => contentKindOf(received) === 'stream',
  bytes: received => contentKindOf(received) === 'bytes',
  form: received => contentKindOf(received) === 'form',
  map: received => contentKindOf(received) === 'map',
  set: received => contentKindOf(received) === 'set',
  'called generator': received => /Generator\]$/.test(Object.prototype.toString.call(received)),
  undefined: received => received === undefined,
};

function hasBrand(received: unknown, kind: string): boolean {
  return typeof received === 'object' && received !== null && Symbol.for(`callnext.${kind}`) in received;
}

function code(names: readonly string[]): string {
  return names.map(name => `\`${name}\``).join(', ');
}

function unknownOption(where: string, option: string, { known, meant }: ListedOptions): string {
  const isHeader = option.includes('-') && known.includes('headers');
  const written = isHeader ? ` For a header, write \`{ headers: { '${option.slice(0, 60)}': … } }\`.` : '';
  const hint = meant === undefined ? written : ` Did you mean \`${meant}\`?`;
  const listed = known.length === 0 ? ' It has none.' : ` Its options are ${code(known)}.`;
  return `\`${where}\` has no option \`${option.slice(0, 60)}\`.${hint}${listed}`;
}

/** What each adapter function mounts. */
const targets: Readonly<Record<string, string>> = {
  wrap: 'takes a Layer or a middleware function as its second argument',
  toNode: 'takes an endpoint, or a Layer or middleware function followed by a listener',
};

/** The messages of mistakes that show when something is built or mounted. */
export const setupMessages = {
  ADAPTER_TARGET: (adapter: string, received: unknown) =>
    `\`${adapter}()\` ${targets[adapter] ?? anyTarget}, received ${show(received)}.${cure(
      received,
      ['handler', 'It is a handler already: mount it as it is.'],
      ['dependency', `Wrap it: \`${adapter}(Depends(…))\`.`],
      ['Endpoint', 'Mount the endpoint at its path inside the app.'],
      ['list', 'Mount each of them on its own.'],
    )}`,
  ARGUMENT: (where: string, argument: string, expected: string, received: unknown) =>
    `\`${argument}\` of \`${where}\` must be ${expected}, received ${show(received)}.`,
  BODY_SOURCE: (received: unknown) =>
    'A body is a string, bytes, a Blob, a form, a stream or an iterable of chunks, ' +
    `received ${show(received)}.${
      cure(
        received,
        ['generator', 'Call the generator function, and pass its result.'],
        ['promise', 'Await it first.'],
      ) || ' To send data as JSON, use `new JSONResponse(data)`.'
    }`,
  DEPENDENCIES: (owner: string, received: unknown) =>
    `\`${owner}()\` takes its dependencies as an object, \`{ name: Depends(…) }\`, ` +
    `received ${show(received)}.${cure(
      received,
      [
        'function',
        owner === 'task'
          ? 'Put the dependencies second: `task(name, {}, fn)`.'
          : owner === 'dependency'
            ? 'Put the dependencies first: `dependency({ db: Depends(getDb) }, fn)`. ' +
              'A function without dependencies needs only `Depends(fn)`.'
            : `Put the dependencies first. Without any, write \`${owner}({}, fn)\`.`,
      ],
      ['Depends', 'Give it a name: `{ db: Depends(getDb) }`.'],
      ['Parameter', 'Give it a name: `{ page: Query(schema) }`.'],
      ['list', 'Give each of them a name: `{ db: Depends(getDb) }`.'],
    )}`,
  DEPENDENCY_NOT_A_FUNCTION: (received: unknown) =>
    '`Depends()` takes a function, a generator function or a `dependency(…)`, ' +
    `received ${show(received)}.${
      cure(
        received,
        ['class', 'Return an instance from a function: `Depends(() => new Example())`.'],
        ['Depends', 'It is wrapped already: use it as it is.'],
        ['Parameter', 'It is declared like a `Depends(…)`: use it as it is.'],
        ['Endpoint', 'Mount it with `toExpress` or `toKoa`, and depend on its dependencies.'],
        ['handler', 'Mount it on the app: `app.use(…)`.'],
      ) || ' Pass the function itself, not its result.'
    }`,
  ENDPOINT_HANDLER: (owner: string, received: unknown) =>
    `\`${owner}(dependencies, handler)\` takes a function as its handler, received ${show(received)}.${cure(
      received,
      ['generator', 'The code of a generator would never run. Pass an async function.'],
      ['class', 'Pass a function that uses the class.'],
      ['promise', 'Pass the function itself, not its result.'],
      ['Endpoint', 'It is an endpoint already: mount it as it is.'],
    )}`,
  EXCEPTION_RETURNED: (owner: string, status: number) =>
    `The endpoint \`${owner}\` returned an HTTPException of status ${status}. ` +
    `Throw it: \`throw new HTTPException(${status}, …)\`.`,
  INSPECTOR_IN_PRODUCTION: () =>
    '`inspector()` shows what runs in the process, and `NODE_ENV` is `production`. ' +
    'Pass `{ allow: request => … }` to decide who may see it, or do not mount it.',
  LAYER_AFTER_ROUTES: (place: string, routes: string) =>
    `The layer mounted at ${place} comes after ${routes}, and wraps no route. ` +
    'Mount it before the routes, or use `wrap(app, layer)`.',
  LAYER_OPTIONS: (option: string, expected: string, received: unknown, where = 'new Layer()') =>
    `The option \`${option}\` of \`${where}\` must be ${expected}, received ${show(received)}.`,
  LAYER_TWICE: (places: string) =>
    'A layer wraps the same request twice, so its middleware runs twice. ' +
    `It is mounted at ${places}. Remove one of the mounts.`,
  LIFESPAN: (received: unknown) =>
    'A `lifespan` is a generator function that yields once: an object for `request.state`, or nothing; ' +
    `received ${show(received)}.${cure(
      received,
      ['called generator', 'Pass the function itself, not its result.'],
      ['class', 'Write `async function* lifespan() { yield { pool }; }`.'],
      ['function', 'Write `async function* lifespan() { yield { pool }; }`.'],
    )}`,
  MIDDLEWARE_NATIVE: (middleware: string) =>
    `The middleware \`${middleware}\` has three parameters, like an Express middleware. ` +
    `Wrap it: \`fromExpress(${middleware})\`. A callnext middleware is (request, callNext) => response.`,
  MIDDLEWARE_NOT_A_FUNCTION: (received: unknown) =>
    `A middleware is a function (request, callNext) => response, received ${show(received)}.${cure(
      received,
      ['class', 'Write a function, or pass a bound method of an instance.'],
      ['generator', 'Return the response instead of yielding. Declare a dependency with `Depends(…)`.'],
      ['handler', 'Mount it on the app: `app.use(…)`.'],
      ['Layer', 'Mount that layer inside this one: `app.use(toExpress(layer))`.'],
      ['Endpoint', 'Mount the endpoint at its path: `app.get(path, toExpress(endpoint))`.'],
      ['Depends', 'Declare it: `new Layer({ dependencies: [Depends(…)] })`.'],
      ['promise', 'Await it first.'],
    )}`,
  NODE_LISTENER: (received: unknown) =>
    '`toNode(layer, listener)` takes a function (req, res) as its second argument, ' +
    `received ${show(received)}.`,
  OPTIONS: (where: string, received: unknown) =>
    `The options of \`${where}\` must be an object, received ${show(received)}.`,
  OPTION_VALUE: (where: string, option: string, expected: string, received: unknown) =>
    `The option \`${option}\` of \`${where}\` must be ${expected}, received ${show(received)}.`,
  OVERRIDE: (argument: 'layer' | 'dependency' | 'replacement', received: unknown) =>
    `\`override(layer, dependency, replacement)\` takes ${overridden[argument]}, ` +
    `received ${show(received)}.${cure(
      received,
      ['class', 'Return an instance from a function: `() => new Example()`.'],
      ['Depends', 'Pass the dependency function itself, without `Depends(…)`.'],
    )}`,
  PARAMETERS: (what: keyof typeof parameterCures, fn: { readonly length: number }) =>
    `The ${what}${nameOf(fn, '') === '' ? '' : ` \`${nameOf(fn, '')}\``} has ${fn.length} parameters. ` +
    parameterCures[what],
  RESPONSE_CLASS: (endpoint: string, received: unknown) =>
    `The \`responseClass\` of the endpoint \`${endpoint}\` must be a callnext response class, ` +
    `such as \`HTMLResponse\` or \`EventSourceResponse\`; received ${show(received)}.`,
  UNCALLED: (name: string) => `\`${name}\` was passed without being called. Call it: \`${name}(…)\`.`,
  UNKNOWN_OPTION: unknownOption,
  MIDDLEWARE_UNKNOWN_OPTION: unknownOption,
  WRONG_FRAMEWORK: (made: string, host: string, right: string) =>
    `A \`${made}()\` handler was mounted in ${host}. Use ${right} there.`,
} satisfies Record<string, (...details: never[]) => string>;

const anyTarget = 'takes a Layer, a middleware function, an endpoint or a `Depends(…)`';

const overridden = {
  layer: 'the Layer in use as its first argument',
  dependency: 'the function passed to `Depends` as its second argument',
  replacement: 'a function or a `dependency(…)` as its third argument, such as `() => value`',
} as const;

const parameterCures = {
  'endpoint handler':
    'It receives one object: `({ db, request }) => …`. ' +
    'Add a middleware with `layer.addMiddleware(fn)`, and mount a native handler without `endpoint()`.',
  dependency:
    'It receives one object: `({ request, response, backgroundTasks }) => …`. ' +
    'Give other parameters a default, or wrap the function.',
  'exception handler': 'It receives the request and the exception: `(request, exception) => response`.',
} as const;
