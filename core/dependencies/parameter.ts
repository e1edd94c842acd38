import type { Request } from '../http/request.js';

declare const valueType: unique symbol;
const brand = Symbol.for('callnext.Parameter');

/** The part of a request that a parameter is read from. */
export type ParameterPlace = 'path' | 'query' | 'header' | 'cookie' | 'body' | 'form' | 'file';

/**
 * A declared parameter of type `T`. Created by `Path`, `Query`, `Header`, `Cookie`, `Body`, `Form` and `File`
 * of `callnext/params`.
 */
export interface Parameter<out T> {
  readonly [valueType]?: T;
  readonly [brand]: true;
  /** The name in messages, such as `Query()`. */
  readonly title: string;
  readonly place: ParameterPlace;
  /** The name in the request; by default the key of the declaration. */
  readonly alias: string | undefined;
  readonly port: ParameterPort;
}

/** Parameters with the keys of their declarations. */
export type NamedParameters = readonly (readonly [key: string, parameter: Parameter<unknown>])[];

/** Reads the parameters of one record of dependencies. */
export interface ParameterReader {
  /**
   * Adds the values to `values` by their keys. Throws, or rejects with, one `RequestValidationError` that
   * lists all errors. `plan` is the result of `ParameterPort.plan` for the whole tree.
   */
  read(request: Request, values: Record<string, unknown>, plan: unknown): Promise<unknown> | undefined;
}

/** Reads parameters for the core, which knows nothing else about them. */
export interface ParameterPort {
  /** Prepares a reader, once for each declaration. Throws `HEADER_NAME` and `PARAM_MODEL`. */
  bind(parameters: NamedParameters, owner: string): ParameterReader;
  /** Decides how all parameters of the tree share the body. Throws `PARAM_BODY` and `PARAM_MODEL`. */
  plan(parameters: NamedParameters, owner: string): unknown;
}

/** Brands a description as a parameter. */
export function parameterOf<Described extends Omit<Parameter<unknown>, typeof brand | typeof valueType>>(
  described: Described,
): Described & Parameter<unknown> {
  return Object.freeze({ [brand]: true as const, ...described });
}

export function isParameter(value: unknown): value is Parameter<unknown> {
  return typeof value === 'object' && value !== null && brand in value;
}
