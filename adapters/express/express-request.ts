import { absoluteUrl, type FrameworkRequest } from '../node/index.js';
import type { ExpressReq, ExpressRes } from './express-types.js';

/** What Express knows of a request. */
export class ExpressRequest implements FrameworkRequest {
  readonly #req: ExpressReq;
  readonly #res: ExpressRes;

  constructor(req: ExpressReq, res: ExpressRes) {
    this.#req = req;
    this.#res = res;
  }

  get raw(): { req: ExpressReq; res: ExpressRes } {
    return { req: this.#req, res: this.#res };
  }

  /** `originalUrl` does not change behind mounts; `protocol` respects `trust proxy`. */
  get url(): string {
    const { protocol, headers, originalUrl, url } = this.#req;
    return absoluteUrl(protocol, headers.host, originalUrl ?? url ?? '/');
  }

  get pathParams(): Readonly<Record<string, string>> {
    return this.#req.params ?? {};
  }

  get parsedBody(): unknown {
    return this.#req.body;
  }
}
