import type { Parameter } from '../dependencies/parameter.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';

/** All options that a parameter may have. */
export interface Options {
  readonly alias?: string;
  readonly default?: unknown;
  readonly multiple?: boolean;
  readonly convertUnderscores?: boolean;
  readonly embed?: boolean;
}

/** What a marker says. */
export interface DeclaredParameter extends Parameter<unknown> {
  readonly schema: StandardSchemaV1;
  readonly options: Options;
}
