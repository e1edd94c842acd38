import type { StageEvent } from '../../core/adapter.js';
import { Failures } from './failures.js';
import type { AppRecord } from './shown/record.js';
import type { Store } from './store.js';

/** Records the dependencies of scope `app`: they outlive the requests that have entered them. */
export class AppLife {
  readonly #store: Store;
  readonly #lives = new WeakMap<object, { readonly record: AppRecord; readonly start: number }>();

  constructor(store: Store) {
    this.#store = store;
  }

  started({ stage, name, dependency }: StageEvent): void {
    if (stage !== 'dependency.enter' || !dependency) return;
    const record: AppRecord = { id: this.#store.newId(), name, enteredAt: Date.now() };
    this.#lives.set(dependency, { record, start: performance.now() });
    this.#store.addApp(record);
  }

  ended({ stage, name, dependency, error }: StageEvent): void {
    const life = dependency && this.#lives.get(dependency);
    if (!life) return;
    const { record, start } = life;
    if (stage === 'dependency.enter') record.took = performance.now() - start;
    if (stage === 'dependency.exit' || error !== undefined) record.exitedAt = Date.now();
    if (error !== undefined) record.failure = new Failures().of(error, name);
    this.#store.changeApp(record);
  }
}
