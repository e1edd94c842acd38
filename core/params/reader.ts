import { isThenable } from '../dependencies/generator-function.js';
import { invalidParameters } from '../dependencies/invalid-parameters.js';
import type { ParameterReader } from '../dependencies/parameter.js';
import type { Request } from '../http/request.js';
import { sourceOf } from '../http/request-parts.js';
import type { BodyPlan } from './body-plan.js';
import type { Bound } from './bound.js';
import { readBodies } from './read-bodies.js';
import { readText } from './read-texts.js';
import { attempt, type Found, type Settling } from './settle.js';
import { sourceAt, type TextPlace } from './text-source.js';

/** The order in which FastAPI reads parameters and lists their errors. */
const places: readonly TextPlace[] = ['path', 'query', 'header', 'cookie'];

type Step = Found | Promise<Found>;

/** Reads the parameters of one record of dependencies. */
export class Reader implements ParameterReader {
  readonly #texts: readonly (readonly [TextPlace, readonly Bound[]])[];
  readonly #bodies: readonly Bound[];

  constructor(all: readonly Bound[]) {
    const at = (place: TextPlace): readonly Bound[] => all.filter(each => each.parameter.place === place);
    this.#texts = places.map(place => [place, at(place)] as const).filter(([, bound]) => bound.length > 0);
    this.#bodies = all.filter(({ parameter }) => !places.includes(parameter.place as TextPlace));
  }

  read(request: Request, values: Record<string, unknown>, plan: unknown): Promise<unknown> | undefined {
    const to = { values, echoes: sourceOf(request).echoesInput ?? true };
    const steps = this.#readTexts(request, to);
    if (this.#bodies.length > 0 || steps.some(isThenable))
      return this.#readRest(steps, request, to, plan as BodyPlan);
    throwAny(steps as readonly Found[], undefined);
    return undefined;
  }

  #readTexts(request: Request, to: Settling): readonly Step[] {
    let steps: Step[] | undefined;
    for (const [place, all] of this.#texts) {
      const source = sourceAt(place, request);
      for (const bound of all) {
        const step = attempt(() => readText(bound, source, request, to));
        if (step === undefined) continue;
        steps ??= [];
        steps.push(step);
      }
    }
    return steps ?? nothing;
  }

  async #readRest(steps: readonly Step[], request: Request, to: Settling, plan: BodyPlan): Promise<void> {
    const found = steps.length > 0 ? await Promise.all(steps) : nothing;
    if (this.#bodies.length === 0) return throwAny(found, undefined);
    const { body, steps: ofBody } = await readBodies(this.#bodies, request, to, plan);
    throwAny([...found, ...ofBody], body);
  }
}

const nothing: readonly never[] = [];

/** Throws one error that lists everything found. */
function throwAny(found: readonly Found[], body: unknown): void {
  const details = found.flatMap(each => each ?? nothing);
  if (details.length > 0) throw invalidParameters(details, body);
}
