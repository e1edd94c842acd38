import { isGeneratorFunction } from '../errors.js';
import type { Exit, Place, Slot } from './exit-stack.js';
import {
  type AnyDependency,
  type DependencyParts,
  type DependencyScope,
  type Depends,
  partsOfDependency,
} from './marker.js';
import type { Need } from './needs.js';

/** A dependency of a request, which is being solved, is solved, or has failed. */
export class Solution implements Slot {
  readonly need: Need;
  /** An override keeps the name of the original, in errors and in traces. */
  readonly name: string;
  /** The dependency or its override, which is called. */
  readonly used: AnyDependency;
  readonly parts: DependencyParts;
  readonly isGenerator: boolean;
  readonly scope: DependencyScope;
  readonly key: object;
  readonly place: Place;
  /** The same dependency with another scope or `dispose`. */
  elsewhere: Solution | undefined;
  /** What it needed, recorded below a `Depends.all(…)` only. */
  asked: Solution[] | undefined;
  readonly #values: Record<string, unknown>;
  #state: 'solving' | 'solved' | 'failed' = 'solving';
  /** The value or the thrown value. */
  #outcome: unknown;
  #settled: Promise<void> | undefined;
  #settle: (() => void) | undefined;

  /** The solved value is also added to `values`, those of its first user. */
  constructor(
    need: Need,
    used: AnyDependency,
    scope: DependencyScope,
    key: object,
    place: Place,
    values: Record<string, unknown>,
  ) {
    const isOverridden = used !== need.marker.dependency;
    this.need = need;
    this.name = need.name;
    this.used = used;
    this.parts = isOverridden ? partsOfDependency(used) : need.parts;
    this.isGenerator = isOverridden ? isGeneratorFunction(this.parts.produce) : need.isGenerator;
    this.scope = scope;
    this.key = key;
    this.place = place;
    this.#values = values;
  }

  get isSolving(): boolean {
    return this.#state === 'solving';
  }

  get hasFailed(): boolean {
    return this.#state === 'failed';
  }

  get value(): unknown {
    return this.#outcome;
  }

  solve(value: unknown): void {
    this.#values[this.need.key] = value;
    this.#end('solved', value);
  }

  fail(thrown: unknown): void {
    this.#end('failed', thrown);
  }

  #end(state: 'solved' | 'failed', outcome: unknown): void {
    this.#state = state;
    this.#outcome = outcome;
    this.#settle?.();
  }

  /** Waits for a dependency that is still being solved. */
  async whenSolved(): Promise<unknown> {
    this.#settled ??= new Promise(resolve => {
      this.#settle = resolve;
    });
    await this.#settled;
    if (this.#state === 'failed') throw this.#outcome;
    return this.#outcome;
  }
}

const noExits: readonly Exit[] = [];

/**
 * The dependencies of a request, one for each dependency and place, including those still being solved: two
 * concurrent injects share them, and a dependency may inject itself.
 */
export class DependencyCache {
  #solutions: Map<object, Solution> | undefined;
  #exited: readonly Exit[] = noExits;

  find(key: object, place: Place): Solution | undefined {
    let each = this.#solutions?.get(key);
    while (each && (each.place !== place || each.hasFailed)) each = each.elsewhere;
    return each;
  }

  /** Keeps the first solution if later ones are made with `useCache: false`. */
  add(solution: Solution): void {
    const { key, place } = solution;
    this.#solutions ??= new Map();
    let others = this.#solutions.get(key);
    if (others !== undefined) {
      if (this.find(key, place)) return;
      // Drop failed solutions: a layer that retries for as long as it lives must not collect them.
      while (others?.hasFailed) others = others.elsewhere;
      solution.elsewhere = others;
    }
    this.#solutions.set(key, solution);
  }

  /** Drops all values after a failure; `left` have exited. */
  clear(left: readonly Exit[]): void {
    this.#solutions = undefined;
    if (left.length > 0) this.#exited = [...this.#exited, ...left];
  }

  /** Whether dependencies have exited because the request failed. */
  get hasExits(): boolean {
    return this.#exited.length > 0;
  }

  hasExited(key: object, place: Place): boolean {
    return this.#exited.some(({ slot }) => slot.key === key && slot.place === place);
  }

  /** Treats the request as one that did not fail. */
  forgetExited(): void {
    this.#exited = noExits;
  }
}

export function placeOf({ dispose }: Depends<unknown>, scope: DependencyScope): Place {
  return dispose ? `${scope} disposed` : scope;
}

const keys = new WeakMap<object, WeakMap<object, object>>();

/** An override has a cache key of its own, because an outer layer may have solved the original. */
export function keyOf(dependency: object, used: object): object {
  if (used === dependency) return dependency;
  const ofUsed = keys.get(dependency) ?? new WeakMap<object, object>();
  keys.set(dependency, ofUsed);
  const key = ofUsed.get(used) ?? {};
  ofUsed.set(used, key);
  return key;
}
