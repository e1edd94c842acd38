import { misuse } from '../errors.js';
import type { Content } from './body-source.js';
import { isHeadersLike, linesOfHeaders } from './foreign-headers.js';

type HeaderPairs = Iterable<readonly [string, string]>;

/** What a header list is made from, as in Fetch. */
export type HeadersInit = HeaderPairs | Readonly<Record<string, string>>;

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

/** A body as far as its headers know it. */
interface DescribedBody {
  /** Whether somebody has looked, and there is no body. Another copy of the package may not tell. */
  readonly isNothing?: boolean;
  gave(source: unknown, content: Content): boolean;
}

/** The message that headers came with, and its body as far as somebody has asked for it. */
export const describedBody: unique symbol = Symbol.for('callnext.Headers.describedBody') as never;

/** A message whose headers describe its body. */
export interface Describing {
  readonly [describedBody]: DescribedBody | undefined;
}

/** What tells from whom headers were copied, over any number of copies, without keeping those alive. */
const lineage: unique symbol = Symbol.for('callnext.Headers.lineage') as never;

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const illegal = /[^\t\x20-\x7e\x80-\xff]/;

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

/**
 * The headers of a message: the interface of the Fetch `Headers`, over a store.
 * On a native response the store is the response itself, so a change is what the client gets.
 *
 * Throws `HEADER_NAME` and `HEADER_VALUE` for what HTTP does not allow and `HEADERS_SENT` for a change that comes too late.
 */
export class Headers {
  readonly #store: HeaderStore;
  /** Those that these were copied from, and values that were appended to others: their lines are kept for `getAll`. */
  readonly #origin: Headers | undefined;
  #appended: Map<string, readonly string[]> | undefined;
  /** Internal. */
  [describedBody]: Describing | undefined = undefined;
  /** Internal: its own mark, and those of the headers that it was copied from. */
  [lineage]: readonly object[] | undefined = undefined;

  constructor(init?: HeadersInit | null, store: HeaderStore = new MemoryHeaders()) {
    this.#store = store;
    if (init instanceof Headers) {
      this.#origin = init;
      markAsCopy(this, init);
    }
    if (init) for (const [name, value] of pairsOf(init)) this.#appendLines(name, value);
  }

  /** A record may hold lists, as Node's `IncomingHttpHeaders` do. */
  #appendLines(name: string, value: string | readonly string[]): void {
    if (Array.isArray(value)) for (const line of value) this.append(name, line);
    else this.append(name, value as string);
  }

  /** The value, several of them joined by `, `; `null` where there is none. */
  get(name: string): string | null {
    const value = this.#store.get(checkedName(name));
    if (value === undefined) return null;
    return typeof value === 'string' ? value : value.join(', ');
  }

  /** Each value by itself, in the order in which they came. FastAPI's `request.headers.getlist(name)`. */
  getAll(name: string): string[] {
    const value = this.#store.get(checkedName(name));
    if (value === undefined) return [];
    if (typeof value !== 'string') return [...value];
    return this.#store.separate?.(name)?.slice() ?? this.#keptLines(name, value) ?? [value];
  }

  /** The lines that a joined value was made of, unless it was set to another one since. */
  #keptLines(name: string, value: string): string[] | undefined {
    const appended = this.#appended?.get(name.toLowerCase());
    if (appended?.join(', ') === value) return [...appended];
    return this.#origin?.get(name) === value ? this.#origin.getAll(name) : undefined;
  }

  /** Each `set-cookie` line by itself: they can not be joined. */
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

  /** Sorted by name, names in lower case, each `set-cookie` by itself (Fetch, "sort and combine"). */
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

  /** The lines as they are stored, for the adapter that writes them. */
  lines(): Iterable<readonly [string, string | readonly string[]]> {
    return this.#store.lines();
  }

  get [Symbol.toStringTag](): string {
    return 'Headers';
  }
}

/** Whether headers are ours, of this copy of the package or of another one. */
export function areOurs(headers: unknown): headers is Headers {
  return typeof headers === 'object' && headers !== null && describedBody in headers;
}

/** More copies than that are made of a list that is kept and copied for every request, and not of one response. */
const keptMarks = 100;

/** Notes that headers have all the lines of others, but for what is changed afterwards. */
export function markAsCopy(headers: Headers, others: Headers): void {
  others[lineage] ??= [{}];
  headers[lineage] = [{}, ...others[lineage].slice(0, keptMarks)];
}

/** Whether headers were copied from others, directly or from a copy. What they do not name was then taken away. */
export function areCopiedFrom(headers: Headers, others: Headers): boolean {
  const mark = others[lineage]?.[0];
  return mark !== undefined && headers[lineage]?.includes(mark) === true;
}

/** Headers of one connection (RFC 9110, 7.6.1), which say nothing on another one. */
export const ofHop: readonly string[] = [
  'connection',
  'keep-alive',
  'transfer-encoding',
  'trailer',
  'upgrade',
];

/** Those, and what says how a body is coded and how long it is: headers of one message that are none of another's. */
export const ofFraming: readonly string[] = [...ofHop, 'content-encoding', 'content-length'];

/**
 * Gives headers those that they do not name; cookies are added to theirs, and what `vary` names. What frames a body stays
 * as it is.
 */
export function fillHeaders(headers: Headers, added: Headers): void {
  for (const [name, value] of added.lines()) {
    if (ofFraming.includes(name)) continue;
    if (name === 'vary') addToVary(headers, added.get(name) ?? '');
    else if (name === 'set-cookie') addCookies(headers, [value].flat());
    else if (!headers.has(name)) for (const line of [value].flat()) headers.append(name, line);
  }
}

function addCookies(headers: Headers, lines: readonly string[]): void {
  const before = headers.getSetCookie();
  for (const line of lines) if (!before.includes(line)) headers.append('set-cookie', line);
}

/** Adds names to `vary`, each once; `*` says all of them already (RFC 9110, 12.5.5). */
export function addToVary(headers: Headers, added: string): void {
  const before = headers.get('vary');
  if (before === null) return headers.set('vary', added);
  if (before.trim() === '*') return;
  const names = [...elementsOf(before), ...elementsOf(added)];
  const isNew = (name: string, index: number): boolean =>
    names.findIndex(each => each.toLowerCase() === name.toLowerCase()) === index;
  headers.set('vary', names.filter(isNew).join(', '));
}

/** The elements of a header that is a list; empty ones count for nothing (RFC 9110, 5.6.1). */
export function elementsOf(list: string): string[] {
  return list
    .split(',')
    .map(element => element.trim())
    .filter(element => element !== '');
}

type HeadersIterator<T> = Generator<T, undefined, unknown>;

function isSetCookie(name: string): boolean {
  return name.length === 10 && name.toLowerCase() === 'set-cookie';
}

function pairsOf(init: HeadersInit): HeaderPairs {
  if (!(init instanceof Headers) && isHeadersLike(init)) return linesOfHeaders(init);
  return Symbol.iterator in init ? (init as HeaderPairs) : Object.entries(init);
}

/** Whether a value is a token (RFC 9110, 5.6.2), such as a method, or the name of a header or a cookie. */
export function isToken(value: unknown): boolean {
  return typeof value === 'string' && token.test(value);
}

/** Whether a value can be that of a header as it is (RFC 9110, 5.5). */
export function isFieldValue(value: string): boolean {
  return !illegal.test(value);
}

function checkedName(name: string): string {
  if (!token.test(name)) throw misuse('HEADER_NAME', name);
  return name;
}

function checkedValue(name: string, value: string): string {
  const text = typeof value === 'string' ? value : String(value);
  const trimmed = text.trim();
  if (!isFieldValue(trimmed)) throw misuse('HEADER_VALUE', name);
  return trimmed;
}
