import type { HeaderStore, Request } from '../../core/adapter.js';
import { headerLines, noteChange } from './hold/header-lines.js';
import { http2Stream } from './http2-stream.js';
import type { NativeRequest } from './node-types.js';
import { headerText, textLines } from './response/header-text.js';

/** Header lines of a native request: a change is seen by native code at once. */
export class RequestHeaders implements HeaderStore {
  readonly #headers: NativeRequest['headers'];
  readonly #req: NativeRequest;

  constructor(req: NativeRequest) {
    this.#headers = req.headers;
    this.#req = req;
  }

  get(name: string): string | readonly string[] | undefined {
    const key = name.toLowerCase();
    return Object.hasOwn(this.#headers, key) ? headerText(this.#headers[key]) : undefined;
  }

  set(name: string, value: string | readonly string[]): void {
    const property = { value, configurable: true, enumerable: true, writable: true };
    Object.defineProperty(this.#headers, name.toLowerCase(), property);
    noteChange(this.#headers, name.toLowerCase());
  }

  delete(name: string): void {
    delete this.#headers[name.toLowerCase()];
    noteChange(this.#headers, name.toLowerCase());
  }

  separate(name: string): readonly string[] | undefined {
    return headerLines(this.#req, name.toLowerCase(), this.#headers);
  }

  lines(): Iterable<readonly [string, string | readonly string[]]> {
    const headers = this.#headers;
    const names = Object.keys(headers).filter(name => !name.startsWith(':'));
    return textLines(names, name => headers[name]);
  }
}

/**
 * Gives a native request the headers of one of ours. Those of HTTP/2 have only a getter, and among them are
 * the pseudo-headers.
 */
export function setHeaders(req: NativeRequest, request: Request): void {
  const headers = Object.fromEntries(nativeLines(request));
  if (!http2Stream(req)) {
    req.headers = headers;
    return;
  }
  const pseudo = Object.entries(req.headers).filter(([name]) => name.startsWith(':'));
  const value = { ...Object.fromEntries(pseudo), ...headers };
  Object.defineProperty(req, 'headers', { value, configurable: true, enumerable: true, writable: true });
}

function nativeLines(request: Request): Iterable<readonly [string, string | string[]]> {
  return [...request.headers.lines()].map(
    ([name, value]) => [name.toLowerCase(), value as string | string[]] as const,
  );
}
