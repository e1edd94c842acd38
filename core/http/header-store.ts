import { misuse } from '../errors.js';

/** The storage behind `Headers`. Names keep the caller's case and are compared case-insensitively. */
export interface HeaderStore {
  get(name: string): string | readonly string[] | undefined;
  /** A list sets several lines of one name. */
  set(name: string, value: string | readonly string[]): void;
  delete(name: string): void;
  lines(): Iterable<readonly [name: string, value: string | readonly string[]]>;
  /** The separate lines of one name, if `get` joins them or returns only the first. */
  separate?(name: string): readonly string[] | undefined;
}

/** Case-insensitive lines in memory, in the order they were first set. */
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

  /** Makes further changes throw, because the head is being sent. */
  seal(): void {
    this.#sealed = true;
  }
}
