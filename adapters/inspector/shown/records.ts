import type { AppRecord, Batch, RequestRecord } from './record.js';

/** The newest requests that the page has been sent, and the dependencies of scope `app`. */
export class Records {
  readonly #requests = new Map<number, RequestRecord>();
  readonly #app = new Map<number, AppRecord>();
  /** Requests up to this one were cleared. */
  #clearedTo = 0;
  #latest = 0;

  /** Newest first. */
  get requests(): RequestRecord[] {
    return [...this.#requests.values()].reverse();
  }

  get app(): readonly AppRecord[] {
    return [...this.#app.values()];
  }

  get(id: number | undefined): RequestRecord | undefined {
    return id === undefined ? undefined : this.#requests.get(id);
  }

  take({ limit, isFirst, records, app, gone }: Batch): void {
    if (isFirst) this.#forget();
    for (const record of records) {
      this.#latest = Math.max(this.#latest, record.id);
      if (record.id > this.#clearedTo) this.#requests.set(record.id, record);
    }
    for (const record of app) this.#app.set(record.id, record);
    for (const id of gone) this.#requests.delete(id);
    trim(this.#requests, limit);
    trim(this.#app, limit);
  }

  /** Forgets the requests so far, also if something more happens in them. */
  clear(): void {
    this.#clearedTo = this.#latest;
    this.#requests.clear();
  }

  #forget(): void {
    this.#requests.clear();
    this.#app.clear();
    this.#clearedTo = 0;
    this.#latest = 0;
  }
}

/** Removes the oldest: ids grow. */
function trim(records: Map<number, unknown>, limit: number): void {
  for (const id of [...records.keys()].sort((one, other) => one - other).slice(0, -limit)) records.delete(id);
}
