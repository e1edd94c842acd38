import type { Parameter } from '../dependencies/parameter.js';
import type { UploadFile } from '../http/form.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import { type DeclaredOptions, declare } from './declare.js';

/** The options of a path parameter. */
export interface PathOptions {
  /** Its name in the request; the key under which it is declared unless set. */
  alias?: string;
}

/** The options of a parameter that a request may leave out. */
export interface ParameterOptions extends PathOptions {
  /**
   * The value where the request has none, a copy for each request; it is not validated. Without it, the
   * schema decides what is missing.
   */
  default?: unknown;
}

/** The options of a parameter that a request may have several times. */
export interface RepeatedOptions extends ParameterOptions {
  /** Whether the schema is given all values as a list; where its JSON Schema says `array` it is anyway. */
  multiple?: boolean;
}

/** The options of a header. */
export interface HeaderOptions extends RepeatedOptions {
  /** Whether `xToken` and `x_token` are the header `x-token`; `true` unless set. An `alias` is kept. */
  convertUnderscores?: boolean;
}

/** The options of a body. */
export interface BodyOptions extends ParameterOptions {
  /** Whether the value stands in the body by its name, also where it is the only one. */
  embed?: boolean;
}

type Output<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;
/** A default is inferred as narrowly as it is written: of the value's own type where it fits. */
type Or<Value, Default> = Mutable<Default> extends Value ? Value : Value | Mutable<Default>;
type Mutable<T> = T extends readonly (infer Item)[] ? Item[] : T;

/** Declares a parameter that may have a default, of type `Bare` without a schema. */
export interface DeclareParameter<Options extends ParameterOptions, Bare> {
  <Schema extends StandardSchemaV1, const Default>(
    schema: Schema,
    options: Options & { default: Default },
  ): Parameter<Or<Output<Schema>, Default>>;
  <Schema extends StandardSchemaV1>(schema: Schema, options?: Options): Parameter<Output<Schema>>;
  <const Default>(options: Options & { default: Default }): Parameter<Or<Bare, Default>>;
  (options?: Options): Parameter<Bare>;
}

/** The same for one that may come several times. */
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

/** Declares a parameter of the path. */
export interface DeclarePath {
  <Schema extends StandardSchemaV1>(schema: Schema, options?: PathOptions): Parameter<Output<Schema>>;
  (options?: PathOptions): Parameter<string>;
}

const one = { alias: true } satisfies DeclaredOptions;
const optional = { ...one, default: true } satisfies DeclaredOptions;
const repeated = { ...optional, multiple: true } satisfies DeclaredOptions;

/**
 * A parameter of the path: `itemId: Path(z.int(), { alias: 'item_id' })` for `/items/:item_id`. A wildcard is
 * one text. A path without it is a 500 with `PARAM_UNKNOWN`. FastAPI's `Path`.
 *
 * Throws `PARAM_SCHEMA_EXPECTED`, `PARAM_SCHEMA_PROPERTIES`, `OPTION_VALUE` and `UNKNOWN_OPTION`, as all
 * parameters do.
 */
export const Path: DeclarePath = declare('Path', 'path', one);

/**
 * A parameter of the query string; of several values the last one, or all where the schema is a list. A
 * schema of an object is given the whole query, by its properties. FastAPI's `Query`.
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
 * A header: `userAgent` is `user-agent`, unless an `alias` says otherwise. Where the schema is a list, the
 * values that came one by one; a schema of an object is given all headers. FastAPI's `Header`.
 */
export const Header: DeclareRepeated<HeaderOptions, string> = declare('Header', 'header', {
  ...repeated,
  convertUnderscores: true,
});

/** A cookie; a schema of an object is given all cookies. FastAPI's `Cookie`. */
export const Cookie: DeclareParameter<ParameterOptions, string> = declare('Cookie', 'cookie', optional);

/**
 * The JSON body, or a part of it: one `Body` is the whole body, several are looked for by their names. It is
 * read when the dependencies have been entered. FastAPI's `Body`.
 */
export const Body: DeclareParameter<BodyOptions, string> = declare('Body', 'body', {
  ...optional,
  embed: true,
});

/**
 * A field of a form, urlencoded or multipart; an empty one counts as missing. A schema of an object that is
 * the only field is given the whole form. FastAPI's `Form`.
 */
export const Form: DeclareRepeated<RepeatedOptions, string> = declare('Form', 'form', repeated);

/** A file of a multipart form, an `UploadFile`; removed when the request is over. FastAPI's `File`. */
export const File: DeclareRepeated<RepeatedOptions, UploadFile> = declare('File', 'file', repeated);
