import type { ReportEvent, Request, StageEvent, StageName } from '../../core/adapter.js';
import { Failures } from './failures.js';
import type { RequestRecord, Stage, Step } from './shown/record.js';
import type { Store } from './store.js';

/** How many steps of a request are kept. */
const longestSteps = 200;

/** A client may send a path of many kilobytes. */
const longestPath = 200;

/** Records one request. */
export class Recording {
  readonly #store: Store;
  /** The stage around all others: the request, a function that runs outside one, or a durable task. */
  readonly #outermost: StageEvent;
  readonly #record: RequestRecord;
  readonly #start = performance.now();
  #failuresSeen: Failures | undefined;
  /** The steps that have not ended. */
  readonly #open = new Map<StageEvent, Step>();
  /** The keys of the dependencies. An exit has the number of its entry, its place here. */
  readonly #dependencies: object[] = [];
  #moments = 0;
  #isHidden = false;

  constructor(store: Store, event: StageEvent) {
    this.#store = store;
    this.#outermost = event;
    this.#record = {
      id: store.newId(),
      ...titleOf(event),
      startedAt: Date.now(),
      steps: [],
      omitted: 0,
      isOver: false,
    };
    store.addRequest(this.#record);
  }

  get isDone(): boolean {
    return this.#record.isOver && this.#open.size === 0;
  }

  started(event: StageEvent): void {
    const { name, scope, thrown, dependency } = event;
    this.#forgetPassage();
    const step: Step = { stage: stageOf(event), name, at: this.#now, begun: this.#moment() };
    if (scope !== undefined) step.scope = scope;
    if (dependency !== undefined) step.dependency = this.#numberOf(dependency);
    if (thrown !== undefined) step.thrownIn = this.#failures.into(thrown);
    if (this.#add(step)) this.#open.set(event, step);
  }

  ended(event: StageEvent): void {
    const { route, error, status } = event;
    if (route !== undefined) this.#record.route = route;
    const step = this.#open.get(event);
    if (step) this.#end(step, event);
    else if (error !== undefined) this.#failures.of(error, event.name);
    if (event === this.#outermost) {
      this.#record.status ??= status;
      if (error !== undefined && status === undefined) this.#record.failure = this.#failures.of(error, '');
    }
    this.#changed();
  }

  reported({ error, phase, name }: ReportEvent): void {
    const { code } = error as { code?: unknown };
    const at = this.#now;
    const begun = this.#moment();
    this.#add({
      stage: 'report',
      name: name ?? phase,
      at,
      to: at,
      begun,
      ended: begun,
      failure: this.#failures.into(error),
      ...(typeof code === 'string' ? { code } : {}),
    });
  }

  settled(): void {
    this.#record.isOver = true;
    this.#changed();
  }

  /** Forgets the request, and what is still to come of it. */
  hide(): void {
    this.#isHidden = true;
    this.#open.clear();
    this.#store.removeRequest(this.#record);
  }

  #end(step: Step, event: StageEvent): void {
    const { response, outcome, error, status } = event;
    this.#open.delete(event);
    step.to = this.#now;
    step.ended = this.#moment();
    if (response && step.stage !== 'exit') step.status = response.status;
    if (outcome !== undefined) step.outcome = outcome;
    if (error !== undefined) step.failure = this.#failures.of(error, step.name);
    if (step.stage === 'send') this.#record.status = status;
  }

  /** Removes native code that has only passed the request on, such as a router. */
  #forgetPassage(): void {
    for (const [event, step] of this.#open) {
      if (!event.passedOn) continue;
      this.#open.delete(event);
      this.#record.steps.splice(this.#record.steps.indexOf(step), 1);
    }
  }

  /** Returns whether the step is kept. */
  #add(step: Step): boolean {
    if (this.#isHidden) return false;
    const { steps } = this.#record;
    const isKept = steps.length < longestSteps;
    if (isKept) steps.push(step);
    else this.#record.omitted += 1;
    this.#changed();
    return isKept;
  }

  #changed(): void {
    if (!this.#isHidden) this.#store.changeRequest(this.#record);
  }

  #numberOf(dependency: object): number {
    const known = this.#dependencies.indexOf(dependency);
    return known < 0 ? this.#dependencies.push(dependency) - 1 : known;
  }

  get #failures(): Failures {
    this.#failuresSeen ??= new Failures();
    return this.#failuresSeen;
  }

  get #now(): number {
    return Math.round((performance.now() - this.#start) * 1_000) / 1_000;
  }

  #moment(): number {
    this.#moments += 1;
    return this.#moments;
  }
}

const names: Readonly<Record<Exclude<StageName, 'request'>, Stage>> = {
  middleware: 'middleware',
  'dependency.enter': 'dependency',
  'dependency.exit': 'exit',
  endpoint: 'endpoint',
  send: 'send',
  task: 'task',
  enqueue: 'enqueue',
};

function stageOf({ stage, kind }: StageEvent): Stage {
  return kind === 'native' ? 'native' : names[stage as Exclude<StageName, 'request'>];
}

/** The method and path of a request, or what something else is and its name. */
function titleOf({ stage, kind, name, request }: StageEvent): Pick<RequestRecord, 'method' | 'path'> {
  if (stage === 'task') return { method: 'task', path: name };
  if (kind !== 'run') return { method: name, path: pathOf(request) };
  const [, method = 'layer', path = name] = /^(run|task)(?: (.*))?$/s.exec(name) ?? [];
  return { method, path };
}

/** The path as it was requested. One that no route can match throws. */
function pathOf(request: Request): string {
  try {
    const { path } = request;
    return path.length > longestPath ? `${path.slice(0, longestPath)}…` : path;
  } catch {
    return '?';
  }
}
