/** `callnext/params`: declared parameters, as in FastAPI. */
export type { Parameter } from '../dependencies/parameter.js';
export {
  RequestValidationError,
  ResponseValidationError,
  type ValidationDetail,
} from '../exceptions/validation-error.js';
export type { StandardJSONSchemaV1, StandardSchemaV1 } from '../schema/standard-schema.js';
export {
  Body,
  type BodyOptions,
  Cookie,
  type DeclareParameter,
  type DeclarePath,
  type DeclareRepeated,
  File,
  Form,
  Header,
  type HeaderOptions,
  type ParameterOptions,
  Path,
  type PathOptions,
  Query,
  type RepeatedOptions,
} from './parameters.js';
