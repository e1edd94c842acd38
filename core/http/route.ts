/** The route that a request has matched. */
export interface Route {
  /** Its path as the router has it, such as `/items/:id`. That of @koa/router begins with its prefix. */
  readonly path: string;
  /** The paths at which its router is mounted, such as `/users/:user`; `undefined` if they are lost. */
  readonly prefix: string | undefined;
  /** The whole template where the prefix is known, else the path alone. */
  toString(): string;
}

/** A route whose prefix is looked for when somebody asks. */
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
