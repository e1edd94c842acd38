import { nameOf, show } from './show.js';

/** The messages of misuse errors about OpenAPI documents, by code. */
export const documentMessages = {
  DESCRIBE: (received: unknown) =>
    `\`describe()\` requires a native handler of Express or Koa, received ${show(received)}. An endpoint ` +
    'takes these options itself: `endpoint(…, …, { summary })`.',
  OPENAPI_APP: (received: unknown) =>
    '`openapi()` requires an app or router of the framework that handles the request, received ' +
    `${show(received)}.`,
  OPENAPI_MOUNT: (path: string, router: object) =>
    `\`mounts\` of \`openapi()\` gives ${JSON.stringify(path)} for ${nameOf(router, 'a router')}, which is ` +
    'not mounted there. Write the path as in `use(path, router)`.',
  OPENAPI_OPERATION_ID: (id: string, first: string, second: string) =>
    `\`${first}\` and \`${second}\` have the same \`operationId\`, ${JSON.stringify(id)}. Set another one: ` +
    '`endpoint(…, …, { operationId })`.',
  OPENAPI_PATH: (route: string) =>
    `OpenAPI cannot express the path of \`${route}\`. Use a template, such as \`/items/:id\`, or leave the ` +
    'route out: `endpoint(…, …, { includeInSchema: false })`.',
  OPENAPI_PREFIX: (routes: readonly string[]) =>
    `The framework does not keep the path of the mounted router with ${listed(routes)}. Pass it to ` +
    "`openapi()` as in `use(path, router)`: `openapi(app, { …, mounts: [['/path', router]] })`.",
  OPENAPI_SCHEMA: (name: string) =>
    `Two different schemas have the name \`${name}\`. Give one of them another \`id\` or \`title\`.`,
} satisfies Record<string, (...details: never[]) => string>;

const mostListed = 3;

function listed(routes: readonly string[]): string {
  const shown = routes.slice(0, mostListed).map(route => `\`${route}\``);
  const more = routes.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
