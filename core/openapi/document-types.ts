/** What is written as JSON. */
export type JsonObject = Record<string, unknown>;

/** A document of OpenAPI 3.1. */
export interface OpenAPIDocument {
  readonly openapi: string;
  readonly info: object;
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
  readonly components?: object;
  readonly [member: string]: unknown;
}

/** Who offers an API. */
export interface Contact {
  readonly name?: string;
  readonly url?: string;
  readonly email?: string;
}

/** The licence of an API. */
export interface License {
  readonly name: string;
  /** An expression of SPDX, such as `MIT`. */
  readonly identifier?: string;
  readonly url?: string;
}

/** Where an API is served. */
export interface Server {
  readonly url: string;
  readonly description?: string;
  readonly variables?: object;
}

/** A group of operations. */
export interface Tag {
  readonly name: string;
  readonly description?: string;
  readonly externalDocs?: object;
}

/** What a document says of the whole API. */
export interface DocumentInfo {
  title: string;
  /** That of the API, such as `1.0.0`. */
  version: string;
  summary?: string;
  /** A text in Markdown. */
  description?: string;
  termsOfService?: string;
  contact?: Contact;
  license?: License;
  servers?: readonly Server[];
  tags?: readonly Tag[];
  externalDocs?: { readonly url: string; readonly description?: string };
}
