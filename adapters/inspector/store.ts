import type { AppRecord, Batch, RequestRecord } from './shown/record.js';

/**
 * A list of the newest members, each with the number of its last change. It keeps a few more than its limit:
 * requests of the inspector itself are soon removed, and must not push out others.
 */
class Newest<T extends { readonly id: number }> {
  readonly #limit: number;
  readonly #kept = new Map<number, { readonly value: T; version: number }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(value: T, version: number): void {
    this.#kept.set(value.id, { value, version });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#limit + spare && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Notes a change; one that is no longer kept is ignored. */
  change({ id }: T, version: number): void {
    const kept = this.#kept.get(id);
    if (kept) kept.version = version;
  }

  delete({ id }: T): boolean {
    return this.#kept.delete(id);
  }

  since(version: number): T[] {
    const newest = [...this.#kept.values()].slice(-this.#limit);
    return newest.filter(each => each.version > version).map(({ value }) => value);
  }
}

export const spare = 10;

/** How many dependencies of scope `app` are kept. */
const appLimit = 100;

/** The latest requests, and who waits for a change of them. Memory is bounded by `limit`. */
export class Store {
  readonly limit: number;
  readonly #requests: Newest<RequestRecord>;
  readonly #app = new Newest<AppRecord>(appLimit);
  readonly #gone: Newest<{ readonly id: number }>;
  readonly #waiting = new Set<() => void>();
  #version = 0;
  #lastId = 0;

  constructor(limit: number) {
    this.limit = limit;
    this.#requests = new Newest(limit);
    this.#gone = new Newest(limit);
  }

  /** Counts the changes so far. */
  get version(): number {
    return this.#version;
  }

  newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  addRequest(record: RequestRecord): void {
    this.#requests.add(record, this.#next());
  }

  changeRequest(record: RequestRecord): void {
    this.#requests.change(record, this.#next());
  }

  /** Forgets a request, here and on the pages that may already show it. */
  removeRequest(record: RequestRecord): void {
    if (this.#requests.delete(record)) this.#gone.add({ id: record.id }, this.#next());
  }

  addApp(record: AppRecord): void {
    this.#app.add(record, this.#next());
  }

  changeApp(record: AppRecord): void {
    this.#app.change(record, this.#next());
  }

  /** What has changed since a version; everything, for `undefined`. */
  since(version: number | undefined): Batch {
    const from = version ?? 0;
    return {
      limit: this.limit,
      isFirst: version === undefined,
      records: this.#requests.since(from),
      app: this.#app.since(from),
      gone: this.#gone.since(from).map(({ id }) => id),
    };
  }

  /** Calls back once at the next change. Returns a function that stops waiting. */
  onceChanged(changed: () => void): () => void {
    this.#waiting.add(changed);
    return () => this.#waiting.delete(changed);
  }

  #next(): number {
    this.#version += 1;
    if (this.#waiting.size > 0) {
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const changed of waiting) changed();
    }
    return this.#version;
  }
}
