import { misuse } from '../errors.js';

/** Where a `Headers` keeps its lines. Names come in the caller's case and are compared without it. */
export interface HeaderStore {
  get(name: string): string | readonly string[] | undefined;
  /** A list is several lines of the same name. */
  set(name: string, value: string | readonly string[]): void;
  delete(name: string): void;
  lines(): Iterable<readonly [name: string, value: string | readonly string[]]>;
  /** The lines of one name as they came, where `get` gives them joined, or the first one only. */
  separate?(name: string): readonly string[] | undefined;
}

/** Case-insensitive lines in memory, in the order in which they were first set. */
export class MemoryHeaders implements HeaderStore {
  readonly #lines = new Map<string, string | readonly string[]>();
  #sealed = false;

  get(name: string): string | readonly string[] | undefined {
    return this.#lines.get(name.toLowerCase());
  }

  set(name: string, value: string | readonly string[]): void {
    if (this.#sealed) throw misuse('HEADERS_SENT', `set the header \`${name}\``);
    this.#lines.set(name.toLowerCase(), value);
  }

  delete(name: string): void {
    if (this.#sealed) throw misuse('HEADERS_SENT', `delete the header \`${name}\``);
    this.#lines.delete(name.toLowerCase());
  }

  lines(): Iterable<readonly [string, string | readonly string[]]> {
    return this.#lines;
  }

  /** From here on a change throws: the head is on its way. */
  seal(): void {
    this.#sealed = true;
  }
}
