/** The OpenAPI document of a plain app, and docs pages for it: `callnext/openapi`. */
export { type DescribeOptions, describe } from './described.js';
export type { Contact, DocumentInfo, License, OpenAPIDocument, Server, Tag } from './document-types.js';
export { type OpenAPIOptions, openapi } from './openapi.js';
export { swaggerUiOAuth2Redirect } from './pages/oauth2-redirect.js';
export type { DocsPageOptions } from './pages/page.js';
export { type RedocOptions, redoc } from './pages/redoc.js';
export { type ScalarOptions, scalar } from './pages/scalar.js';
export { type SwaggerUiOptions, swaggerUi } from './pages/swagger-ui.js';
