import type { Parameter } from '../dependencies/parameter.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';

/** The options of all kinds of parameters. */
export interface Options {
  readonly alias?: string;
  readonly default?: unknown;
  readonly multiple?: boolean;
  readonly convertUnderscores?: boolean;
  readonly embed?: boolean;
}

/** A parameter with its schema and its options. */
export interface DeclaredParameter extends Parameter<unknown> {
  readonly schema: StandardSchemaV1;
  readonly options: Options;
}
