import { checkGraph } from '../dependencies/dependency-graph.js';
import { checkDependencies, checkNames } from '../dependencies/depends.js';
import { type Dependencies, noDependencies } from '../dependencies/marker.js';
import { isEndpoint } from '../endpoint/endpoint.js';
import { type OperationOptions, operationOf, operationOptions } from '../endpoint/operation.js';
import type { ResponseClass } from '../endpoint/stream-response.js';
import { adapterOf, isGeneratorFunction, misuse, mountedIn, nameOf } from '../errors.js';
import { checkedStatus } from '../http/status.js';
import { checkOptions, type OptionNames } from '../options.js';
import { isSchema, type StandardSchemaV1 } from '../schema/standard-schema.js';

/** Describes a native handler for the OpenAPI document. */
export interface DescribeOptions extends OperationOptions {
  /** The parameters and dependencies that the handler passes to `inject(req, …)`. */
  dependencies?: Dependencies;
  /** The status of its response; 200 by default. */
  status?: number;
  /** The schema of its response. */
  responseModel?: StandardSchemaV1;
}

const knownOptions = {
  dependencies: true,
  status: true,
  responseModel: true,
  ...operationOptions,
} satisfies OptionNames<DescribeOptions>;

/** A handler with an operation in the document. */
export interface Described {
  /** Empty for an anonymous handler. */
  readonly name: string;
  readonly dependencies: Dependencies;
  readonly status: number | undefined;
  readonly responseModel: StandardSchemaV1 | undefined;
  readonly responseClass: ResponseClass | undefined;
  readonly isGenerator: boolean;
  readonly operation: OperationOptions;
}

const describedKey: unique symbol = Symbol.for('callnext.described') as never;

/**
 * Describes a native handler, so that the document of `openapi()` contains it. Returns the same handler.
 *
 * ```ts
 * const dependencies = { itemId: Path(z.int(), { alias: 'item_id' }) };
 * app.get('/items/:item_id', describe(async (req, res) => {
 *   const { itemId } = await inject(req, dependencies);
 *   res.json(await items.find(itemId));
 * }, { summary: 'Read an item', dependencies, responseModel: Item }));
 * ```
 *
 * Throws `DESCRIBE`, `OPTION_VALUE`, `UNKNOWN_OPTION`, `STATUS`, `RESPONSE_MODEL`, and the errors of invalid
 * dependencies.
 */
export function describe<Handler extends (...args: never[]) => unknown>(
  handler: Handler,
  operation: DescribeOptions,
): Handler {
  if (typeof handler !== 'function' || adapterOf(handler) !== undefined) throw misuse('DESCRIBE', handler);
  checkOptions('describe()', operation, knownOptions);
  const { dependencies = noDependencies, status, responseModel } = operation;
  const name = nameOf(handler, '');
  checkDependencies('describe', dependencies);
  checkNames(dependencies, name || 'describe');
  checkGraph(dependencies, name || 'describe', 'request');
  if (responseModel !== undefined && !isSchema(responseModel))
    throw misuse('RESPONSE_MODEL', name || 'describe', responseModel, false);
  const described: Described = {
    name,
    dependencies,
    status: status === undefined ? undefined : checkedStatus(status),
    responseModel,
    responseClass: undefined,
    isGenerator: false,
    operation: operationOf('describe()', operation),
  };
  return Object.defineProperty(handler, describedKey, { value: described, configurable: true });
}

/** The description of a handler on a route; `undefined` if it has none. */
export function describedIn(handler: unknown): Described | undefined {
  if (typeof handler !== 'function') return undefined;
  const target = mountedIn(handler);
  if (!isEndpoint(target)) return (handler as { [describedKey]?: Described })[describedKey];
  return {
    name: nameOf(target.handler, ''),
    dependencies: target.dependencies,
    status: target.status,
    responseModel: target.responseModel,
    responseClass: target.responseClass,
    isGenerator: isGeneratorFunction(target.handler),
    operation: target.operation,
  };
}
