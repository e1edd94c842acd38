import { misuse } from '../errors.js';
import type { Content } from './body-source.js';
import { isFieldValue, isToken } from './field-syntax.js';
import { isHeadersLike, linesOfHeaders } from './foreign-headers.js';
import { type HeaderStore, MemoryHeaders } from './header-store.js';

type HeaderPairs = Iterable<readonly [string, string]>;

/** The sources of a header list, as in Fetch. */
export type HeadersInit = HeaderPairs | Readonly<Record<string, string>>;

/** The part of a body that its headers need. */
interface DescribedBody {
  /** Whether the body was opened and found to be empty; unknown from other copies of the package. */
  readonly isNothing?: boolean;
  gave(source: unknown, content: Content): boolean;
}

/** The message that the headers belong to, and its body once someone has asked for it. */
export const describedBody: unique symbol = Symbol.for('callnext.Headers.describedBody') as never;

/** A message whose headers describe its body. */
export interface Describing {
  readonly [describedBody]: DescribedBody | undefined;
}

/** Identifies the headers that these were copied from, at any distance, without keeping those alive. */
const lineage: unique symbol = Symbol.for('callnext.Headers.lineage') as never;

/**
 * The headers of a message: the interface of the Fetch `Headers`, over a store. On a native response the
 * store is the response itself, so a change is what the client gets.
 *
 * Throws `HEADER_NAME` and `HEADER_VALUE` for invalid input, and `HEADERS_SENT` for a change after the
 * response was sent.
 */
export class Headers {
  readonly #store: HeaderStore;
  /** The headers these were copied from; keeps the separate lines of joined values for `getAll`. */
  readonly #origin: Headers | undefined;
  #appended: Map<string, readonly string[]> | undefined;
  /** Internal. */
  [describedBody]: Describing | undefined = undefined;
  /** Internal: its own mark, and those of the headers it was copied from. */
  [lineage]: readonly object[] | undefined = undefined;

  constructor(init?: HeadersInit | null, store: HeaderStore = new MemoryHeaders()) {
    this.#store = store;
    if (init instanceof Headers) {
      this.#origin = init;
      markAsCopy(this, init);
    }
    if (init) for (const [name, value] of pairsOf(init)) this.#appendLines(name, value);
  }

  /** A record may contain lists, like Node's `IncomingHttpHeaders`. */
  #appendLines(name: string, value: string | readonly string[]): void {
    if (Array.isArray(value)) for (const line of value) this.append(name, line);
    else this.append(name, value as string);
  }

  /** The value; several values are joined by `, `. `null` if it is missing. */
  get(name: string): string | null {
    const value = this.#store.get(checkedName(name));
    if (value === undefined) return null;
    return typeof value === 'string' ? value : value.join(', ');
  }

  /** Each value separately, in the order received. FastAPI's `request.headers.getlist(name)`. */
  getAll(name: string): string[] {
    const value = this.#store.get(checkedName(name));
    if (value === undefined) return [];
    if (typeof value !== 'string') return [...value];
    return this.#store.separate?.(name)?.slice() ?? this.#keptLines(name, value) ?? [value];
  }

  /** The separate lines of a joined value, unless it was set again since. */
  #keptLines(name: string, value: string): string[] | undefined {
    const appended = this.#appended?.get(name.toLowerCase());
    if (appended?.join(', ') === value) return [...appended];
    return this.#origin?.get(name) === value ? this.#origin.getAll(name) : undefined;
  }

  /** Each `set-cookie` line separately, because they cannot be joined. */
  getSetCookie(): string[] {
    const value = this.#store.get('set-cookie');
    if (value === undefined) return [];
    return typeof value === 'string' ? [value] : [...value];
  }

  has(name: string): boolean {
    return this.#store.get(checkedName(name)) !== undefined;
  }

  set(name: string, value: string): void {
    this.#store.set(checkedName(name), checkedValue(name, value));
  }

  append(name: string, value: string): void {
    const before = this.#store.get(checkedName(name));
    const added = checkedValue(name, value);
    if (before === undefined) this.#store.set(name, added);
    else if (typeof before === 'string' && !isSetCookie(name)) this.#join(name, before, added);
    else this.#store.set(name, typeof before === 'string' ? [before, added] : [...before, added]);
  }

  #join(name: string, before: string, added: string): void {
    const lines = [...this.getAll(name), added];
    this.#store.set(name, `${before}, ${added}`);
    this.#appended ??= new Map();
    this.#appended.set(name.toLowerCase(), lines);
  }

  delete(name: string): void {
    this.#store.delete(checkedName(name));
  }

  forEach(callback: (value: string, name: string, parent: Headers) => void, thisArg?: unknown): void {
    for (const [name, value] of this) callback.call(thisArg, value, name, this);
  }

  /** Sorted by name, names in lower case, each `set-cookie` separately (Fetch, "sort and combine"). */
  *entries(): HeadersIterator<[string, string]> {
    const lines = [...this.#store.lines()].map(([name, value]) => [name.toLowerCase(), value] as const);
    lines.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    for (const [name, value] of lines) {
      if (typeof value === 'string') yield [name, value];
      else if (isSetCookie(name)) for (const line of value) yield [name, line];
      else yield [name, value.join(', ')];
    }
  }

  *keys(): HeadersIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): HeadersIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): HeadersIterator<[string, string]> {
    return this.entries();
  }

  /** The stored lines, for the adapter that writes them. */
  lines(): Iterable<readonly [string, string | readonly string[]]> {
    return this.#store.lines();
  }

  get [Symbol.toStringTag](): string {
    return 'Headers';
  }
}

/** Whether headers are ours, even of another copy of the package. */
export function areOurs(headers: unknown): headers is Headers {
  return typeof headers === 'object' && headers !== null && describedBody in headers;
}

/** A single response is never copied more often; a list kept and copied for every request is. */
const keptMarks = 100;

/** Records that headers start as a copy of others. */
export function markAsCopy(headers: Headers, others: Headers): void {
  others[lineage] ??= [{}];
  headers[lineage] = [{}, ...others[lineage].slice(0, keptMarks)];
}

/**
 * Whether headers were copied from others, at any distance. Names missing here were then deleted on purpose.
 */
export function areCopiedFrom(headers: Headers, others: Headers): boolean {
  const mark = others[lineage]?.[0];
  return mark !== undefined && headers[lineage]?.includes(mark) === true;
}

type HeadersIterator<T> = Generator<T, undefined, unknown>;

function isSetCookie(name: string): boolean {
  return name.length === 10 && name.toLowerCase() === 'set-cookie';
}

function pairsOf(init: HeadersInit): HeaderPairs {
  if (!(init instanceof Headers) && isHeadersLike(init)) return linesOfHeaders(init);
  return Symbol.iterator in init ? (init as HeaderPairs) : Object.entries(init);
}

function checkedName(name: string): string {
  if (!isToken(name)) throw misuse('HEADER_NAME', name);
  return name;
}

function checkedValue(name: string, value: string): string {
  const text = typeof value === 'string' ? value : String(value);
  const trimmed = text.trim();
  if (!isFieldValue(trimmed)) throw misuse('HEADER_VALUE', name);
  return trimmed;
}
