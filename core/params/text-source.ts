import type { ParameterPlace } from '../dependencies/parameter.js';
import { lastCookiesOf } from '../http/cookies.js';
import type { Request } from '../http/request.js';

/** Reads strings by name. */
export interface TextSource {
  /** Returns the value that counts if the name is repeated. */
  get(name: string): unknown;
  getAll(name: string): readonly unknown[];
  names(): Iterable<string>;
}

/** The places outside the body. */
export type TextPlace = Exclude<ParameterPlace, 'body' | 'form' | 'file'>;

/** Returns the source of all parameters of a place. */
export function sourceAt(place: TextPlace, request: Request): TextSource {
  switch (place) {
    case 'path':
      return new RecordSource(request.pathParams);
    case 'query':
      return new RepeatedSource(request.queryParams);
    case 'header':
      return new HeaderSource(request.headers);
    case 'cookie':
      return new RecordSource(lastCookiesOf(request.headers.get('cookie')));
  }
}

class RecordSource implements TextSource {
  readonly #record: Readonly<Record<string, string | undefined>>;

  constructor(record: Readonly<Record<string, string | undefined>>) {
    this.#record = record;
  }

  get(name: string): string | undefined {
    return Object.hasOwn(this.#record, name) ? this.#record[name] : undefined;
  }

  getAll(name: string): readonly string[] {
    const value = this.get(name);
    return value === undefined ? [] : [value];
  }

  names(): Iterable<string> {
    return Object.keys(this.#record);
  }
}

/** A query or a form. The last of several values counts, as in Starlette. */
export class RepeatedSource implements TextSource {
  readonly #values: URLSearchParams | FormData;

  constructor(values: URLSearchParams | FormData) {
    this.#values = values;
  }

  get(name: string): unknown {
    return this.getAll(name).at(-1);
  }

  getAll(name: string): readonly unknown[] {
    return this.#values.getAll(name);
  }

  names(): Iterable<string> {
    return new Set(this.#values.keys());
  }
}

/** The first of several lines counts, as in Starlette. */
class HeaderSource implements TextSource {
  readonly #headers: Request['headers'];

  constructor(headers: Request['headers']) {
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    return this.#headers.getAll(name)[0];
  }

  getAll(name: string): readonly string[] {
    return this.#headers.getAll(name);
  }

  names(): Iterable<string> {
    return this.#headers.keys();
  }
}
