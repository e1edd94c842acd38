import type { Request } from '../http/request.js';

declare const valueType: unique symbol;
const brand = Symbol.for('callnext.Parameter');

/** The part of a request that a parameter is read from. */
export type ParameterPlace = 'path' | 'query' | 'header' | 'cookie' | 'body' | 'form' | 'file';

/**
 * A declared parameter of type `T`. Made by `Path`, `Query`, `Header`, `Cookie`, `Body`, `Form` and `File` of
 * `callnext/params`.
 */
export interface Parameter<out T> {
  readonly [valueType]?: T;
  readonly [brand]: true;
  /** What messages call it, such as `Query()`. */
  readonly title: string;
  readonly place: ParameterPlace;
  /** Its name in the request; the key under which it is declared unless set. */
  readonly alias: string | undefined;
  readonly port: ParameterPort;
}

/** Parameters with the keys under which they are declared. */
export type NamedParameters = readonly (readonly [key: string, parameter: Parameter<unknown>])[];

/** Reads the parameters of one record of dependencies. */
export interface ParameterReader {
  /**
   * Adds the values by their keys. Throws, or rejects with, one `RequestValidationError` for all that are
   * wrong. `plan` is what the port has made of the whole tree.
   */
  read(request: Request, values: Record<string, unknown>, plan: unknown): Promise<unknown> | undefined;
}

/** How the core reads parameters, of which it knows nothing else. */
export interface ParameterPort {
  /** Prepares reading, once. Throws `PARAM_DEFAULT`, `PARAM_MODEL` and `PARAM_NAME`. */
  bind(parameters: NamedParameters, owner: string): ParameterReader;
  /** How the body is read: all parameters of the tree share it. Throws `PARAM_BODY`. */
  plan(parameters: NamedParameters, owner: string): unknown;
}

/** Brands what describes a parameter. */
export function parameterOf<Described extends Omit<Parameter<unknown>, typeof brand | typeof valueType>>(
  described: Described,
): Described & Parameter<unknown> {
  return Object.freeze({ [brand]: true as const, ...described });
}

export function isParameter(value: unknown): value is Parameter<unknown> {
  return typeof value === 'object' && value !== null && brand in value;
}
