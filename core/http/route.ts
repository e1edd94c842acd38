/** The matched route of a request. */
export interface Route {
  /** The path in its router, such as `/items/:id`. On @koa/router it includes the router's prefix. */
  readonly path: string;
  /** The paths at which its router is mounted, such as `/users/:user`; `undefined` if unknown. */
  readonly prefix: string | undefined;
  /** The prefix, if known, and the path. */
  toString(): string;
}

/** A route that looks for its prefix when it is read. */
export class MatchedRoute implements Route {
  readonly path: string;
  readonly #findPrefix: () => string | undefined;

  constructor(path: string, findPrefix: () => string | undefined) {
    this.path = path;
    this.#findPrefix = findPrefix;
  }

  get prefix(): string | undefined {
    return this.#findPrefix();
  }

  toString(): string {
    return (this.prefix ?? '') + this.path;
  }
}
