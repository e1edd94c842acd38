import { checkGraph } from '../dependencies/dependency-graph.js';
import { checkDependencies, checkNames, type Named } from '../dependencies/depends.js';
import type { Dependencies, Injected, Solved } from '../dependencies/marker.js';
import { isClass, isGeneratorFunction, misuse, nameOf } from '../errors.js';
import type { Request } from '../http/request.js';
import { sourceOf } from '../http/request-parts.js';
import { isOurs } from '../http/response.js';
import type { ResponseLike } from '../http/response-like.js';
import { checkedStatus } from '../http/status.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';
import { isSchema, type StandardSchemaV1 } from '../schema/standard-schema.js';
import { type OperationOptions, operationOf, operationOptions } from './operation.js';
import type { ResponseClass } from './stream-response.js';

/** The options of an endpoint. */
export interface EndpointOptions<Model extends StandardSchemaV1 | undefined = StandardSchemaV1 | undefined>
  extends OperationOptions {
  /** The status of a response made from plain data; 200 by default. FastAPI's `status_code`. */
  status?: number;
  /**
   * The class of a response made from plain or yielded data, such as `HTMLResponse`. A returned response
   * stays as it is. FastAPI's `response_class`.
   */
  responseClass?: ResponseClass;
  /**
   * The schema of what the handler returns as plain data, which is validated, and written as the schema's
   * output: a schema that leaves out unknown keys filters. What does not fit is a `ResponseValidationError`,
   * a 500. A response that the handler returns stays as it is. FastAPI's `response_model`.
   */
  responseModel?: Model;
}

/** What a handler may return, or promise: data that its `responseModel` takes, or a response. */
export type Returned<Model> = Model extends StandardSchemaV1
  ? Unchanged<StandardSchemaV1.InferInput<Model>> | ResponseLike
  : unknown;

/** The same data, read-only at every level: what a handler returns is inferred as a constant. */
type Unchanged<T> = T extends Primitive | ((...parameters: never[]) => unknown)
  ? T
  : T extends readonly (infer Item)[]
    ? Item[] extends T
      ? readonly Unchanged<Item>[]
      : UnchangedProperties<T>
    : T extends object
      ? UnchangedProperties<T>
      : T;

type UnchangedProperties<T> = { readonly [Key in keyof T]: Unchanged<T[Key]> };

type Primitive = string | number | bigint | boolean | symbol | null | undefined;

const knownOptions = {
  status: true,
  responseClass: true,
  responseModel: true,
  ...operationOptions,
} satisfies OptionNames<EndpointOptions>;
const brand = Symbol.for('callnext.Endpoint');

/** A handler with its dependencies, created by `endpoint(…)` and mounted by `toExpress` and `toKoa`. */
export interface Endpoint {
  readonly [brand]: true;
  readonly name: string;
  readonly dependencies: Dependencies;
  readonly handler: (context: never) => unknown;
  readonly status: number | undefined;
  readonly responseClass: ResponseClass | undefined;
  readonly responseModel: StandardSchemaV1 | undefined;
  /** Its description for the OpenAPI document. */
  readonly operation: OperationOptions;
}

/**
 * Creates a request handler that declares its dependencies.
 *
 * ```ts
 * const readItem = endpoint({ db: Depends(getDb) }, ({ db, request }) => db.find(request.pathParams.id));
 * ```
 *
 * The handler receives its dependencies by name, and `request`, `response` and `backgroundTasks`. It returns
 * a response, or plain data that becomes a JSON response (`undefined` becomes `null`). A generator's values
 * are streamed as JSON Lines, server-sent events, or text or bytes, depending on the first one.
 *
 * Throws `ENDPOINT_HANDLER`, `DEPENDENCIES`, `DEPENDS_EXPECTED`, `DEPENDENCY_NAME`, `DEPENDENCY_CYCLE`,
 * `DEPENDENCY_SCOPE`, `STATUS`, `RESPONSE_CLASS`, `RESPONSE_MODEL`, `PARAM_BODY`, `PARAM_MODEL`,
 * `PARAMETERS`, `OPTION_VALUE` and `UNKNOWN_OPTION`. FastAPI's path operation function.
 */
export function endpoint<
  D extends Dependencies,
  Model extends StandardSchemaV1 | undefined = undefined,
  const Result extends Returned<Model> = Returned<Model>,
  const Promised extends Returned<Model> = Returned<Model>,
>(
  dependencies: Named<D>,
  handler: (context: Solved<D> & Injected) => Result | PromiseLike<Promised>,
  options: EndpointOptions<Model> = noOptions,
): Endpoint {
  checkHandler('endpoint', dependencies, handler);
  checkOptions('endpoint()', options, knownOptions);
  const name = nameOf(handler, 'endpoint');
  checkNames(dependencies, name);
  if (handler.length > 1) throw misuse('PARAMETERS', 'endpoint handler', handler);
  checkGraph(dependencies, name, 'request');
  const status = options.status === undefined ? undefined : checkedStatus(options.status);
  const { responseClass, responseModel } = options;
  if (responseClass !== undefined && !isResponseClass(responseClass))
    throw misuse('RESPONSE_CLASS', name, responseClass);
  if (responseModel !== undefined && (!isSchema(responseModel) || isGeneratorFunction(handler)))
    throw misuse('RESPONSE_MODEL', name, responseModel, isGeneratorFunction(handler));
  const operation = operationOf('endpoint()', options);
  const parts = { name, dependencies, handler, status, responseClass, responseModel, operation };
  return Object.freeze({ [brand]: true as const, ...parts });
}

function isResponseClass(value: unknown): boolean {
  return typeof value === 'function' && isOurs(value.prototype);
}

/** The name of an endpoint in traces: that of its function, or its route if the framework exposes it. */
export function nameOfEndpoint({ handler }: Endpoint, request: Request): string {
  const { route } = sourceOf(request);
  return nameOf(handler, route === undefined ? 'endpoint' : `${request.method} ${route}`);
}

/** Throws `DEPENDENCIES` and `ENDPOINT_HANDLER`. */
export function checkHandler(owner: string, dependencies: unknown, handler: unknown): void {
  checkDependencies(owner, dependencies);
  if (typeof handler !== 'function' || isClass(handler)) throw misuse('ENDPOINT_HANDLER', owner, handler);
}

export function isEndpoint(value: unknown): value is Endpoint {
  return typeof value === 'object' && value !== null && brand in value;
}
