/** The OpenAPI document of a plain app: `callnext/openapi`. */
export { type DescribeOptions, describe } from './described.js';
export type { Contact, DocumentInfo, License, OpenAPIDocument, Server, Tag } from './document-types.js';
export { type OpenAPIOptions, openapi } from './openapi.js';
