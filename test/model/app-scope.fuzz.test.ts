import { type Dependencies, Depends, dependency, endpoint, Layer } from 'callnext';
import { toNode } from 'callnext/node';
import { TestClient } from 'callnext/testing';
import fc from 'fast-check';

/** `npm run test:model` sets them: 10,000. */
const numRuns = Number(process.env.MODEL_RUNS ?? 50) * 4;
const seed = process.env.MODEL_SEED === undefined ? 20261129 : Number(process.env.MODEL_SEED);

const widths = { function: 0, request: 1, background: 2, app: 3 } as const;
type Scope = keyof typeof widths;

interface NodeSpec {
  readonly name: string;
  readonly scope: Scope;
  readonly kind: 'generator' | 'disposable' | 'plain';
  readonly needs: readonly NodeSpec[];
  readonly areTogether: boolean;
  /** How many of its first entrances fail. */
  readonly failures: number;
  readonly failsOnExit: boolean;
  /** How many turns of the event loop its entrance and its exit take. */
  readonly turns: number;
}

/** Requests that come at some turn each, and a layer that is closed at another one. */
interface Plan {
  readonly uses: readonly (readonly NodeSpec[])[];
  readonly areTogether: boolean;
  readonly arrivals: readonly number[];
  readonly closesAt: number;
  readonly isPatient: boolean;
  readonly starts: boolean;
  readonly hasInner: boolean;
}

const node = fc.record({
  scope: fc.constantFrom<Scope>('app', 'app', 'background', 'request', 'function'),
  kind: fc.constantFrom<NodeSpec['kind']>('generator', 'generator', 'disposable', 'plain'),
  needs: fc.uniqueArray(fc.nat(5), { maxLength: 3 }),
  areTogether: fc.boolean(),
  failures: fc.constantFrom(0, 0, 0, 1, 2),
  failsOnExit: fc.constantFrom(false, false, false, true),
  turns: fc.nat(3),
});

const plan: fc.Arbitrary<Plan> = fc
  .record({
    nodes: fc.array(node, { minLength: 1, maxLength: 6 }),
    uses: fc.array(fc.uniqueArray(fc.nat(5), { maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    areTogether: fc.boolean(),
    arrivals: fc.array(fc.nat(6), { minLength: 1, maxLength: 5 }),
    closesAt: fc.nat(12),
    isPatient: fc.boolean(),
    starts: fc.boolean(),
    hasInner: fc.boolean(),
  })
  .map(({ nodes, uses, ...rest }) => {
    const made: NodeSpec[] = [];
    for (const [index, { needs, ...each }] of nodes.entries()) {
      const known = needs.flatMap(need => made[need] ?? []);
      const living = known.filter(({ scope }) => widths[scope] >= widths[each.scope]);
      made.push({ name: 'abcdef'[index] as string, ...each, needs: living });
    }
    return { ...rest, uses: uses.map(indexes => indexes.flatMap(index => made[index] ?? [])) };
  });

/** A value that has been entered, and what it was given. */
interface Instance {
  readonly spec: NodeSpec;
  readonly holds: readonly Instance[];
}

/** Plays a plan, and notes whatever is not as it is promised. */
class Stage {
  readonly wrong: string[] = [];
  readonly alive = new Set<Instance>();
  readonly reported: unknown[] = [];
  entered = 0;
  exited = 0;
  readonly #plan: Plan;
  readonly #markers = new Map<NodeSpec, Depends<Instance>>();
  readonly #entering = new Set<NodeSpec>();
  readonly #failed = new Map<NodeSpec, number>();

  constructor(played: Plan) {
    this.#plan = played;
  }

  async play(): Promise<void> {
    const { uses, arrivals, closesAt, starts, hasInner } = this.#plan;
    const onError = (error: unknown): unknown => this.reported.push(error);
    const first = this.#dependencies(uses[0] as readonly NodeSpec[]);
    const outer = new Layer({ onError, dependencies: starts ? Object.values(first) : [] });
    const inner = new Layer({ onError });
    const endpoints = uses.map(each => toNode(this.#endpoint(each)));
    let count = 0;
    const below: ReturnType<typeof toNode> = (req, res) => endpoints[count++ % endpoints.length]?.(req, res);
    const client = new TestClient(toNode(outer, hasInner ? toNode(inner, below) : below));
    const started = after(0, () => (starts ? outer.start().catch(() => undefined) : undefined));
    const asked = arrivals.map(turns => after(turns, async () => (await client.get('/')).status));
    const closing = after(closesAt, () => this.#close([outer, inner]));
    const statuses = await Promise.all(asked);
    if (!statuses.every(status => [200, 500, 503].includes(status))) this.wrong.push(`statuses ${statuses}`);
    await Promise.all([started, closing]);
    await client.close();
    // What came too late for an impatient `close()` ends by itself.
    for (let turn = 0; turn < 30; turn += 1) await new Promise(setImmediate);
  }

  async #close(layers: readonly Layer[]): Promise<void> {
    for (const layer of layers)
      await layer.close(this.#plan.isPatient ? {} : { timeoutMs: 0 }).catch(error => {
        if (!/ exit$/.test((error as Error).message)) this.wrong.push(`close: ${error}`);
      });
    if (!this.#plan.isPatient) return;
    for (const { spec } of this.alive)
      if (spec.scope === 'app') this.wrong.push(`${spec.name} outlives close()`);
  }

  #endpoint(needs: readonly NodeSpec[]): ReturnType<typeof endpoint> {
    return endpoint(this.#dependencies(needs), values => {
      const held = this.#given(values as Record<string, unknown>, needs);
      if (this.#plan.isPatient && held.some(each => hasExit(each.spec) && !this.alive.has(each)))
        this.wrong.push('an endpoint is given what has exited');
      return { ok: true };
    });
  }

  #dependencies(
    needs: readonly NodeSpec[],
    areTogether = this.#plan.areTogether,
  ): Record<string, Depends<unknown>> {
    const named = Object.fromEntries(needs.map(each => [`the ${each.name}`, this.#depends(each)]));
    return areTogether ? { all: Depends.all(named as Dependencies) } : named;
  }

  #given(values: Record<string, unknown>, needs: readonly NodeSpec[]): Instance[] {
    const named = (values.all ?? values) as Record<string, Instance>;
    return needs.map(({ name }) => named[`the ${name}`] as Instance);
  }

  #depends(spec: NodeSpec): Depends<Instance> {
    const known = this.#markers.get(spec);
    if (known) return known;
    const needs = this.#dependencies(spec.needs, spec.areTogether);
    const made = dependency(needs as never, this.#producer(spec) as never);
    const options = { scope: spec.scope, dispose: spec.kind === 'disposable' };
    const marker = Depends(made as never, options as never) as unknown as Depends<Instance>;
    this.#markers.set(spec, marker);
    return marker;
  }

  #producer(spec: NodeSpec): (values: Record<string, unknown>) => unknown {
    if (spec.kind === 'plain') return values => this.#enter(spec, values);
    if (spec.kind === 'disposable')
      return async values => {
        const instance = await this.#enter(spec, values);
        return Object.assign(instance, { [Symbol.asyncDispose]: () => this.#exit(instance) });
      };
    const enter = (values: Record<string, unknown>): Promise<Instance> => this.#enter(spec, values);
    const exit = (instance: Instance): Promise<void> => this.#exit(instance);
    return async function* (values) {
      const instance = await enter(values);
      try {
        yield instance;
      } finally {
        await exit(instance);
      }
    };
  }

  async #enter(spec: NodeSpec, values: Record<string, unknown>): Promise<Instance> {
    const isOfApp = spec.scope === 'app';
    const isTwice = [...this.alive].some(({ spec: other }) => other === spec) || this.#entering.has(spec);
    if (isOfApp && isTwice) this.wrong.push(`${spec.name} is entered twice`);
    if (isOfApp !== 'signal' in values) this.wrong.push(`${spec.name} is given something else`);
    this.#entering.add(spec);
    await turns(spec.turns);
    this.#entering.delete(spec);
    const failed = this.#failed.get(spec) ?? 0;
    this.#failed.set(spec, failed + 1);
    if (failed < spec.failures) throw new Error(`${spec.name} enter`);
    const instance = { spec, holds: this.#given(values, spec.needs) };
    if (hasExit(spec)) {
      this.entered += 1;
      this.alive.add(instance);
    }
    return instance;
  }

  async #exit(instance: Instance): Promise<void> {
    const { spec } = instance;
    const user = [...this.alive].find(({ holds }) => holds.includes(instance));
    const isLate = user && (this.#plan.isPatient || user.spec.scope === spec.scope);
    if (isLate) this.wrong.push(`${spec.name} exits before ${user.spec.name}, which needs it`);
    await turns(spec.turns);
    if (!this.alive.delete(instance)) this.wrong.push(`${spec.name} exits twice`);
    this.exited += 1;
    if (spec.failsOnExit) throw new Error(`${spec.name} exit`);
  }
}

function hasExit({ kind }: NodeSpec): boolean {
  return kind !== 'plain';
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

async function after<T>(count: number, work: () => T): Promise<Awaited<T>> {
  await turns(count);
  return await work();
}

it('enters each dependency of scope `app` once and leaves all, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async played => {
      const stage = new Stage(played);
      await stage.play();
      expect([stage.wrong, [...stage.alive].map(({ spec }) => spec.name)]).toEqual([[], []]);
      expect(stage.exited).toBe(stage.entered);
    }),
    { numRuns, seed, endOnFailure: process.env.MODEL_SHRINK === undefined },
  );
}, 3_600_000);
