import { isGeneratorFunction } from '../errors.js';
import type { Exit, Place, Slot } from './exit-stack.js';
import {
  type AnyDependency,
  type DependencyParts,
  type DependencyScope,
  partsOfDependency,
} from './marker.js';
import type { Need } from './needs.js';

/** A dependency that a request has asked for: it is being solved, solved, or has failed. */
export class Solution implements Slot {
  readonly need: Need;
  /** An override keeps the name of the original: in errors, and in the order that a test looks at. */
  readonly name: string;
  /** What is called: the dependency, or its override. */
  readonly used: AnyDependency;
  readonly parts: DependencyParts;
  readonly isGenerator: boolean;
  readonly scope: DependencyScope;
  readonly key: object;
  readonly place: Place;
  /** The same dependency at another place. */
  elsewhere: Solution | undefined;
  /** What it has asked for, where that is noted: below a `Depends.all(…)`. */
  asked: Solution[] | undefined;
  readonly #values: Record<string, unknown>;
  #state: 'solving' | 'solved' | 'failed' = 'solving';
  /** The value, or what was thrown. */
  #outcome: unknown;
  #settled: Promise<void> | undefined;
  #settle: (() => void) | undefined;

  /** `values` are those that it was asked for with first: its value is added to them. */
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

  /** The value, for somebody who asks while it is being solved. */
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
 * The dependencies that a request has asked for, one for each dependency and place. One that is still being
 * solved is there too: native code that injects two at once gets what they share only once, and a dependency
 * may inject itself.
 */
export class DependencyCache {
  #solutions: Map<object, Solution> | undefined;
  #exited: readonly Exit[] = noExits;

  find(key: object, place: Place): Solution | undefined {
    let each = this.#solutions?.get(key);
    while (each && (each.place !== place || each.hasFailed)) each = each.elsewhere;
    return each;
  }

  /** The first one stays, also where later ones are made with `useCache: false`. */
  add(solution: Solution): void {
    const { key, place } = solution;
    this.#solutions ??= new Map();
    let others = this.#solutions.get(key);
    if (others !== undefined) {
      if (this.find(key, place)) return;
      // Those that have failed are not kept: a layer may ask again for as long as it lives.
      while (others?.hasFailed) others = others.elsewhere;
      solution.elsewhere = others;
    }
    this.#solutions.set(key, solution);
  }

  /** The request has failed, and these have exited. */
  clear(left: readonly Exit[]): void {
    this.#solutions = undefined;
    if (left.length > 0) this.#exited = [...this.#exited, ...left];
  }

  /** Whether values have exited because the request failed. */
  get hasExits(): boolean {
    return this.#exited.length > 0;
  }

  hasExited(key: object, place: Place): boolean {
    return this.#exited.some(({ slot }) => slot.key === key && slot.place === place);
  }

  /** The request goes on as if it had not failed. */
  forgetExited(): void {
    this.#exited = noExits;
  }
}
