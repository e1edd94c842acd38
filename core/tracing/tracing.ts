import type { Request } from '../http/request.js';
import { reportChannel, type StageChannel, settledChannel, stageChannels } from './channels.js';
import type { ReportEvent, StageEvent, StageName } from './events.js';
import { addTo, Stage } from './stage.js';

/** A layer around a request, and those further out. */
interface Around {
  readonly around: Around | undefined;
}

/** The part of a request that its events show. */
export interface Traced {
  /** The request as the running code sees it. */
  readonly request: Request;
  /** The innermost layer. */
  readonly place: Around | undefined;
}

type Details = Partial<Omit<StageEvent, 'stage' | 'name' | 'exchange' | 'layer'>>;

/** A dependency that is entered and exits. */
interface Entered {
  readonly name: string;
  readonly scope: NonNullable<StageEvent['scope']>;
}

/** A dependency of scope `app` exits long after the request that entered it. */
const keys = new WeakMap<Entered, object>();

/** Publishes the stages of one request. It exists only if somebody listened when the request came. */
export class Tracing {
  /** The `exchange` of the events. Subscribers keep it, so it leads nowhere. */
  readonly key: object = Object.freeze({});
  readonly #of: Traced;
  /** The native code that may still reach an endpoint or an inner layer. */
  #native: StageEvent | undefined;
  /** The endpoint below the next layer, if there is no native code in between. */
  #direct: object | undefined;

  constructor(of: Traced) {
    this.#of = of;
  }

  begin(stage: StageName, name: string, details?: Details): Stage {
    const { request, place } = this.#of;
    const layer = depthOf(place);
    const event: StageEvent = { stage, name, exchange: this.key, request, layer, ...details };
    if (stage === 'middleware' || stage === 'endpoint') this.#pass(event);
    return new Stage(stageChannels[stage] as StageChannel, event);
  }

  /** Notes that an endpoint is right below the next layer, without native code in between. */
  expect(endpoint: object): void {
    this.#direct = endpoint;
  }

  /** Begins the native code below a layer; `undefined` if an endpoint is right below. */
  native(request: Request): Stage | undefined {
    const isNative = this.#direct === undefined;
    this.#direct = undefined;
    return isNative ? this.begin('endpoint', 'native code', { request, kind: 'native' }) : undefined;
  }

  /** Begins the enter or the exit of a dependency. */
  dependency(stage: 'dependency.enter' | 'dependency.exit', entered: Entered, details?: Details): Stage {
    const key = keys.get(entered) ?? Object.freeze({});
    keys.set(entered, key);
    const { name, scope } = entered;
    return this.begin(stage, name, { ...details, scope, dependency: key });
  }

  #pass(event: StageEvent): void {
    if (this.#native) addTo(this.#native, { passedOn: true });
    this.#native = event.kind === 'native' ? event : undefined;
  }

  report(error: Error, phase: ReportEvent['phase'], name: string | undefined): void {
    reportChannel?.publish({ exchange: this.key, request: this.#of.request, error, phase, name });
  }

  settled(): void {
    settledChannel?.publish({ exchange: this.key, request: this.#of.request });
  }

  /** The template of the matched route. Reading it may run code of a framework. */
  get route(): string | undefined {
    try {
      return this.#of.request.route?.toString();
    } catch {
      return undefined;
    }
  }
}

function depthOf(place: Around | undefined): number {
  let depth = 0;
  for (let around = place?.around; around; around = around.around) depth += 1;
  return depth;
}
