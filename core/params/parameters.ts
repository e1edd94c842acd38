import type { Parameter } from '../dependencies/parameter.js';
import type { UploadFile } from '../http/form.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import { type DeclaredOptions, declare } from './declare.js';

/** The options of a path parameter. */
export interface PathOptions {
  /** The name in the request; by default the key of the declaration. */
  alias?: string;
}

/** The options of a parameter that may have a default. */
export interface ParameterOptions extends PathOptions {
  /**
   * The value if the request has none. It is copied for each request and not validated. Without a default,
   * the schema decides whether the parameter is required.
   */
  default?: unknown;
}

/** The options of a parameter that a request may repeat. */
export interface RepeatedOptions extends ParameterOptions {
  /** `true`: the schema receives all values as a list. Implied if its JSON Schema is an `array`. */
  multiple?: boolean;
}

/** The options of a header. */
export interface HeaderOptions extends RepeatedOptions {
  /** `false`: keeps the key as it is. By default `xToken` and `x_token` read `x-token`. */
  convertUnderscores?: boolean;
}

/** The options of a body. */
export interface BodyOptions extends ParameterOptions {
  /** `true`: the value is the property of this name in the body, even if it is the only `Body`. */
  embed?: boolean;
}

type Output<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;
/** `Value` if the default fits it; otherwise a union of `Value` and the literal type of the default. */
type Or<Value, Default> = Mutable<Default> extends Value ? Value : Value | Mutable<Default>;
type Mutable<T> = T extends readonly (infer Item)[] ? Item[] : T;

/** Declares a parameter with or without a default; without a schema it is of type `Bare`. */
export interface DeclareParameter<Options extends ParameterOptions, Bare> {
  <Schema extends StandardSchemaV1, const Default>(
    schema: Schema,
    options: Options & { default: Default },
  ): Parameter<Or<Output<Schema>, Default>>;
  <Schema extends StandardSchemaV1>(schema: Schema, options?: Options): Parameter<Output<Schema>>;
  <const Default>(options: Options & { default: Default }): Parameter<Or<Bare, Default>>;
  (options?: Options): Parameter<Bare>;
}

/** Declares a parameter that a request may repeat; without a schema it is `Bare` or `Bare[]`. */
export interface DeclareRepeated<Options extends RepeatedOptions, Bare> {
  <const Default>(options: Options & { multiple: true; default: Default }): Parameter<Or<Bare[], Default>>;
  (options: Options & { multiple: true }): Parameter<Bare[]>;
  <Schema extends StandardSchemaV1, const Default>(
    schema: Schema,
    options: Options & { default: Default },
  ): Parameter<Or<Output<Schema>, Default>>;
  <Schema extends StandardSchemaV1>(schema: Schema, options?: Options): Parameter<Output<Schema>>;
  <const Default>(options: Options & { default: Default }): Parameter<Or<Bare, Default>>;
  (options?: Options): Parameter<Bare>;
}

/** Declares a path parameter; without a schema it is a string. */
export interface DeclarePath {
  <Schema extends StandardSchemaV1>(schema: Schema, options?: PathOptions): Parameter<Output<Schema>>;
  (options?: PathOptions): Parameter<string>;
}

const one = { alias: true } satisfies DeclaredOptions;
const optional = { ...one, default: true } satisfies DeclaredOptions;
const repeated = { ...optional, multiple: true } satisfies DeclaredOptions;

/**
 * Declares a path parameter: `itemId: Path(z.int(), { alias: 'item_id' })` for `/items/:item_id`. A wildcard
 * is one string. If the path has no such parameter, the response is a 500 with `PARAM_UNKNOWN`. FastAPI's
 * `Path`.
 *
 * Like all declarations, it throws `PARAM_SCHEMA_EXPECTED`, `PARAM_SCHEMA_PROPERTIES`, `OPTION_VALUE` and
 * `UNKNOWN_OPTION`.
 */
export const Path: DeclarePath = declare('Path', 'path', one);

/**
 * Declares a query parameter. Reads the last of several values, or all of them if the schema is a list. An
 * object schema receives the whole query. FastAPI's `Query`.
 *
 * ```ts
 * const readItems = endpoint(
 *   { skip: Query(z.int().min(0).default(0)), tag: Query(z.array(z.string()).default([])) },
 *   ({ skip, tag }) => items.find(skip, tag),
 * );
 * ```
 */
export const Query: DeclareRepeated<RepeatedOptions, string> = declare('Query', 'query', repeated);

/**
 * Declares a header: `userAgent` reads `user-agent`, unless an `alias` is set. Reads the first of several
 * lines, or all of them if the schema is a list. An object schema receives all headers. FastAPI's `Header`.
 */
export const Header: DeclareRepeated<HeaderOptions, string> = declare('Header', 'header', {
  ...repeated,
  convertUnderscores: true,
});

/** Declares a cookie. An object schema receives all cookies. FastAPI's `Cookie`. */
export const Cookie: DeclareParameter<ParameterOptions, string> = declare('Cookie', 'cookie', optional);

/**
 * Declares the JSON body. If several are declared, each is the property of its name in the body. The body is
 * read after the dependencies have been entered. FastAPI's `Body`.
 */
export const Body: DeclareParameter<BodyOptions, string> = declare('Body', 'body', {
  ...optional,
  embed: true,
});

/**
 * Declares a field of an urlencoded or multipart form; an empty field counts as missing. An object schema,
 * which must be the only parameter of the form, receives the whole form. FastAPI's `Form`.
 */
export const Form: DeclareRepeated<RepeatedOptions, string> = declare('Form', 'form', repeated);

/** Declares a file of a multipart form: an `UploadFile`, removed when the request ends. FastAPI's `File`. */
export const File: DeclareRepeated<RepeatedOptions, UploadFile> = declare('File', 'file', repeated);
