import type { Dependencies } from '../dependencies/marker.js';
import { misuse, mountedIn } from '../errors.js';
import type { AppRoute, PathTemplate } from '../http/app-routes.js';
import { isLayer } from '../layer.js';
import { look } from '../lifecycle/frozen-layer.js';
import { Components } from './components.js';
import { type Described, describedIn } from './described.js';
import type { DocumentInfo, JsonObject, OpenAPIDocument } from './document-types.js';
import { flatten } from './flatten.js';
import { OperationIds, operationAt, type Placed } from './operation.js';
import { invalidSchemas } from './validation-errors.js';

/** A route, its operation and its guards. */
interface Found {
  readonly route: AppRoute;
  readonly described: Described;
  readonly guards: readonly Dependencies[];
}

/**
 * Creates the document of an app's routes. Rejects with `OPENAPI_PREFIX`, `OPENAPI_PATH`,
 * `OPENAPI_OPERATION_ID`, `OPENAPI_SCHEMA` and `PARAM_UNKNOWN`.
 */
export async function documentOf(routes: readonly AppRoute[], info: DocumentInfo): Promise<OpenAPIDocument> {
  const found = routes.flatMap(foundIn);
  refuseLost(found);
  refusePatterns(found);
  const components = new Components();
  const { paths, schemes } = await pathsOf(found, components);
  const { schemas, rename } = components.finish();
  const written = rename(paths) as OpenAPIDocument['paths'];
  const all = usesInvalid(paths) ? sorted({ ...schemas, ...invalidSchemas }) : schemas;
  const parts = {
    ...(Object.keys(all).length > 0 && { schemas: all }),
    ...(schemes.size > 0 && { securitySchemes: Object.fromEntries(schemes) }),
  };
  const { servers, tags, externalDocs, ...about } = info;
  return {
    openapi: '3.1.0',
    info: about,
    ...(servers && { servers }),
    paths: written,
    ...(Object.keys(parts).length > 0 && { components: parts }),
    ...(tags && { tags }),
    ...(externalDocs && { externalDocs }),
  };
}

/** The first handler with an operation describes the route, with the guards before it. */
function foundIn(route: AppRoute): Found[] {
  const at = route.handlers.findIndex(handler => describedIn(handler) !== undefined);
  const described = describedIn(route.handlers[at]);
  if (!described || described.operation.includeInSchema === false) return [];
  const guards = [...route.around, ...route.handlers.slice(0, at)].flatMap(dependenciesOf);
  return [{ route, described, guards }];
}

function dependenciesOf(handler: unknown): Dependencies[] {
  // `wrap` records the layer itself.
  const layer = isLayer(handler) ? handler : mountedIn(handler);
  return isLayer(layer) ? [look(layer).dependencies] : [];
}

function refuseLost(found: readonly Found[]): void {
  const lost = found.find(({ route }) => route.lost !== undefined)?.route.lost;
  if (lost === undefined) return;
  throw misuse('OPENAPI_PREFIX', found.filter(({ route }) => route.lost === lost).map(nameOfRoute));
}

/** Rejects regular expressions and patterns of Express 4. */
function refusePatterns(found: readonly Found[]): void {
  const pattern = found.find(({ route }) => route.templates === undefined);
  if (pattern) throw misuse('OPENAPI_PATH', nameOfRoute(pattern));
}

function nameOfRoute({ route }: Found): string {
  return `${route.method.toUpperCase()} ${route.path}`;
}

async function pathsOf(
  found: readonly Found[],
  components: Components,
): Promise<{ paths: Record<string, Record<string, JsonObject>>; schemes: Map<string, JsonObject> }> {
  const paths: Record<string, Record<string, JsonObject>> = {};
  const schemes = new Map<string, JsonObject>();
  const ids = new OperationIds();
  for (const placed of found.flatMap(placesOf)) {
    const { template, method, flat } = placed;
    const path = paths[template.path] ?? {};
    // Only the first of equal routes receives requests.
    if (path[method]) continue;
    paths[template.path] = path;
    path[method] = await operationAt(placed, ids.take(placed), components);
    for (const [name, scheme] of flat.schemes) schemes.set(name, scheme);
  }
  return { paths, schemes };
}

/** The methods of a path item of OpenAPI. */
const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
/** The methods that the document lists for a route of all methods. */
const usual = ['get', 'put', 'post', 'delete', 'patch'];

function placesOf({ route, described, guards }: Found): Placed[] {
  const own = route.method === 'all' ? usual : methods.filter(method => method === route.method);
  const flat = flatten(described.dependencies, guards);
  const templates = route.templates ?? [];
  return templates.flatMap((template: PathTemplate) =>
    own.map(method => ({ described, template, method, flat })),
  );
}

function usesInvalid(paths: object): boolean {
  return JSON.stringify(paths).includes('"#/components/schemas/HTTPValidationError"');
}

function sorted(schemas: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
