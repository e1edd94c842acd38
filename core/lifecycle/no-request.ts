import { Headers } from '../http/headers.js';
import type { RequestSource } from '../http/request-source.js';
import type { Shared } from '../http/shared.js';

/** The `request` of a function or a task outside a request: a state, a signal, and a task's headers. */
export class NoRequest implements RequestSource {
  readonly method = 'GET';
  readonly url: string;
  readonly path: string;
  readonly headers: Headers;
  readonly host = undefined;
  readonly raw = undefined;
  readonly client = null;
  readonly pathParams = {};
  maxBodySize = 0;
  bodyLimit = 0;
  shared: Shared | undefined;
  readonly #controller = new AbortController();

  constructor(name: string, headers: Readonly<Record<string, string>> = {}) {
    this.path = encodeURIComponent(name);
    this.url = `callnext:${this.path}`;
    this.headers = new Headers({ ...headers });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  body(): null {
    return null;
  }

  parsedBody(): undefined {
    return undefined;
  }

  decode(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    return body;
  }

  async readForm(): Promise<FormData> {
    return new FormData();
  }
}
