import { type Endpoint, endpoint } from '../endpoint/endpoint.js';
import { misuse } from '../errors.js';
import type { MountPaths } from '../http/app-routes.js';
import type { Request } from '../http/request.js';
import { sourceOf } from '../http/request-parts.js';
import { Response } from '../http/response.js';
import { checkOption, checkOptions, type OptionNames } from '../options.js';
import { documentOf } from './document.js';
import type { DocumentInfo } from './document-types.js';

/** The options of `openapi()`. */
export interface OpenAPIOptions extends DocumentInfo {
  /**
   * The paths of mounted routers, as in `use(path, router)`: needed if the framework does not keep the path,
   * or hides the router or app.
   */
  mounts?: readonly (readonly [path: string, router: object])[];
}

const knownOptions = {
  title: true,
  version: true,
  summary: true,
  description: true,
  termsOfService: true,
  contact: true,
  license: true,
  servers: true,
  tags: true,
  externalDocs: true,
  mounts: true,
} satisfies OptionNames<OpenAPIOptions>;

/**
 * Returns an endpoint that responds with the OpenAPI 3.1 document of an app: the endpoints and described
 * native handlers of its routers, with the security of the guards around them. The first request creates it.
 *
 * ```ts
 * app.get('/openapi.json', toExpress(openapi(app, { title: 'Shop', version: '1.0.0' })));
 * ```
 *
 * Throws `OPTION_VALUE` and `UNKNOWN_OPTION`. Requests fail with `OPENAPI_APP`, `OPENAPI_MOUNT`,
 * `OPENAPI_PREFIX`, `OPENAPI_PATH`, `OPENAPI_OPERATION_ID`, `OPENAPI_SCHEMA` or `PARAM_UNKNOWN` if the
 * document cannot be created. FastAPI's `/openapi.json`.
 */
export function openapi(app: object, options: OpenAPIOptions): Endpoint {
  checkOptions('openapi()', options, knownOptions);
  const { mounts = [], ...info } = options;
  for (const name of ['title', 'version'] as const)
    checkOption('openapi()', name, info[name] ?? null, 'a string', value => typeof value === 'string');
  checkOption('openapi()', 'mounts', mounts, 'a list of pairs of a path and a router', areMounts);
  let made: Promise<string> | undefined;
  const answerDocument = async ({ request }: { request: Request }): Promise<Response> => {
    made ??= textOf(request, app, mounts, info);
    try {
      return new Response(await made, { headers: { 'content-type': 'application/json' } });
    } catch (thrown) {
      // Each request reports the error, not only the first one.
      made = undefined;
      throw thrown;
    }
  };
  return endpoint({}, Object.defineProperty(answerDocument, 'name', { value: 'openapi' }), {
    includeInSchema: false,
  });
}

async function textOf(
  request: Request,
  app: object,
  mounts: MountPaths,
  info: DocumentInfo,
): Promise<string> {
  const read = sourceOf(request).routesOf?.(app, mounts);
  if (read === undefined) throw misuse('OPENAPI_APP', app);
  const [wrong] = read.wrongMounts;
  if (wrong) throw misuse('OPENAPI_MOUNT', ...wrong);
  return JSON.stringify(await documentOf(read.routes, info));
}

function areMounts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isMount);
}

function isMount(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [path, router] = value;
  const isRouter = typeof router === 'function' || (typeof router === 'object' && router !== null);
  return typeof path === 'string' && path.startsWith('/') && isRouter;
}
