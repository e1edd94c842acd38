/** A parameter of a path. */
export interface PathParameter {
  readonly name: string;
  /** The regular expression that the route requires. */
  readonly pattern: string | undefined;
}

/** A path template of OpenAPI. */
export interface PathTemplate {
  /** Such as `/items/{id}`. */
  readonly path: string;
  readonly params: readonly PathParameter[];
}

/** One method of a route, as an adapter reads it from a router. */
export interface AppRoute {
  /** In lower case; `all` for every method. */
  readonly method: string;
  /** Several if a part of the path is optional; `undefined` if OpenAPI cannot express it. */
  readonly templates: readonly PathTemplate[] | undefined;
  /** The path as the app wrote it, for messages. */
  readonly path: string;
  /** In execution order. */
  readonly handlers: readonly unknown[];
  /** The handlers and layers that run before it, outermost first. */
  readonly around: readonly unknown[];
  /** The router around it whose path the framework does not keep. */
  readonly lost: object | undefined;
}

/** The `mounts` option of `openapi()`. */
export type MountPaths = readonly (readonly [path: string, router: object])[];

/** The routes of an app or router. */
export interface AppRoutes {
  /** In matching order. */
  readonly routes: readonly AppRoute[];
  /** The entries of `mounts` whose router is not mounted at their path. */
  readonly wrongMounts: MountPaths;
}
