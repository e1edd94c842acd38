import type { DependencyScope } from 'callnext';
import type {
  DependencySpec,
  Fault,
  LayerSpec,
  MiddlewareSpec,
  Outcome,
  Scenario,
  TaskSpec,
} from './scenario.js';

/** An exception as the order sees it: its name, and who may answer it. */
interface Failure {
  readonly label: string;
  readonly fault: Fault;
  /** Its handler failed or does not exist: only handlers for `Error` remain. */
  isUnhandled?: boolean;
}

interface Answer {
  readonly status: number;
  /** The tasks of its `background`, outermost first. */
  readonly tasks?: readonly TaskSpec[];
  readonly isStream?: boolean;
}

interface Entered {
  readonly spec: DependencySpec;
  readonly scope: DependencyScope;
}

/**
 * Computes the order that docs/reference/order.md promises, as plainly as possible: no promises, no adapters,
 * one function after the other. Tests compare the real events with it.
 */
export function predict(scenario: Scenario): Outcome {
  return new Prediction(scenario).run();
}

class Prediction {
  readonly #scenario: Scenario;
  readonly #events: string[] = [];
  readonly #cache = new Set<string>();
  #entered: Entered[] = [];
  /** What lives as long as the outermost layer. */
  readonly #app = new Set<DependencySpec>();
  #tasks: TaskSpec[] = [];
  /** Tasks of responses that are not sent, outermost first. */
  #ofReplaced: TaskSpec[] = [];
  #isGone = false;
  #inside: LayerSpec[] = [];
  #isOpen = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  run(): Outcome {
    let answer: Answer | undefined;
    let failure: Failure | undefined;
    try {
      answer = this.#layer(0);
    } catch (thrown) {
      failure = asFailure(thrown);
    }
    const isCut = this.#send(answer, failure);
    this.#closeStream();
    const unsent: Failure | undefined = isCut ? { label: 'stream', fault: 'error' } : undefined;
    this.#tasks.push(...(answer?.tasks ?? []), ...this.#ofReplaced.splice(0));
    if (unsent) {
      this.#log('reported response: stream');
      this.#drop();
    }
    this.#afterResponse(unsent);
    this.#close();
    const status = this.#isGone || isCut ? undefined : (answer?.status ?? 500);
    return { events: this.#events, status };
  }

  #log(event: string): void {
    this.#events.push(event);
  }

  // Steps 1 and 5.

  #layer(index: number): Answer {
    const layer = this.#scenario.layers[index];
    if (layer === undefined) return this.#endpoint();
    this.#inside.push(layer);
    try {
      return this.#middleware(layer, 0, index);
    } catch (thrown) {
      const failure = asFailure(thrown);
      if (!layer.catchAll) throw failure;
      this.#log(`reported request: ${failure.label}`);
      this.#log(`${layer.name} catch-all`);
      if (layer.catchAll === 'fails') throw unhandled(`${layer.name} catch-all`);
      return { status: 500 };
    } finally {
      this.#inside.pop();
    }
  }

  #middleware(layer: LayerSpec, depth: number, index: number): Answer {
    const middleware = layer.middleware[depth];
    if (middleware === undefined) return this.#dependencies(layer, index);
    let received: Answer | undefined;
    try {
      this.#log(`${middleware.name} before`);
      this.#fail(middleware.before, `${middleware.name} before`);
      if (middleware.kind === 'answers') return { status: 202 };
      received = this.#callNext(middleware, layer, depth, index);
      if (received === undefined) return { status: 503 };
      this.#log(`${middleware.name} after ${received.status}`);
      if (this.#scenario.goes === 'after' && index === 0 && depth === 0) this.#goAway();
      const own = middleware.sets ? [middleware.sets] : [];
      const isReplaced = middleware.kind === 'replaces';
      if (!isReplaced) received = { ...received, tasks: [...own, ...(received.tasks ?? [])] };
      this.#fail(middleware.after, `${middleware.name} after`);
      if (!isReplaced) return received;
      this.#replaced(received);
      return { status: 201, tasks: own };
    } catch (thrown) {
      if (received) this.#replaced(received);
      return this.#recover(asFailure(thrown));
    }
  }

  #replaced({ tasks = [] }: Answer): void {
    this.#ofReplaced.unshift(...tasks);
  }

  /** `undefined` if the middleware has caught an exception and answers itself. */
  #callNext(middleware: MiddlewareSpec, layer: LayerSpec, depth: number, index: number): Answer | undefined {
    try {
      return this.#middleware(layer, depth + 1, index);
    } catch (thrown) {
      this.#log(`${middleware.name} caught ${asFailure(thrown).label}`);
      if (middleware.kind !== 'catches') throw thrown;
      return undefined;
    }
  }

  // Steps 2 to 4.

  #dependencies(layer: LayerSpec, index: number): Answer {
    try {
      for (const each of layer.dependencies) this.#enter(each);
    } catch (thrown) {
      return this.#recover(asFailure(thrown));
    }
    return this.#layer(index + 1);
  }

  #endpoint(): Answer {
    const { dependencies, fault, body, tasks, ownTask } = this.#scenario.endpoint;
    let answer: Answer | undefined;
    try {
      for (const each of dependencies) this.#enter(each);
      this.#log('endpoint');
      this.#tasks.push(...tasks);
      if (this.#scenario.goes === 'endpoint') this.#goAway();
      this.#fail(fault, 'endpoint');
      const own = body !== 'data' && ownTask ? [ownTask] : [];
      answer = { status: 200, isStream: body === 'stream' || body === 'yields', tasks: own };
      this.#isOpen = body === 'yields';
      if (this.#isOpen) this.#log('chunk');
      const failure = this.#leave('function', undefined);
      if (failure) throw failure;
      return answer;
    } catch (thrown) {
      if (answer) this.#replaced(answer);
      return this.#recover(asFailure(thrown));
    }
  }

  #enter(spec: DependencySpec): void {
    const scope = spec.scope ?? this.#scenario.defaultScope;
    const key = `${spec.name} ${scope}`;
    if (this.#cache.has(key) || this.#app.has(spec)) return;
    for (const each of spec.needs) this.#enter(each);
    this.#log(`${spec.name} enter`);
    if (spec.task) this.#tasks.push(spec.task);
    this.#fail(spec.enter, `${spec.name} enter`);
    if (scope === 'app') this.#app.add(spec);
    else this.#cache.add(key);
    if (scope === 'app' || spec.kind === 'plain') return;
    this.#entered.push({ spec, scope });
  }

  // Failures.

  #fail(fault: Fault | undefined, label: string): void {
    if (fault) throw { label, fault } satisfies Failure;
  }

  /** Closes a started stream before the dependencies that it may use exit. */
  #closeStream(): void {
    if (this.#isOpen) this.#log('stream closed');
    this.#isOpen = false;
  }

  /** Throws a failure into the dependencies, then passes it to the innermost handler. */
  #recover(thrown: Failure): Answer {
    this.#closeStream();
    const failure = this.#leaveAll(() => true, thrown) as Failure;
    this.#cache.clear();
    this.#drop();
    if (failure.isUnhandled) throw failure;
    const layer = this.#inside.findLast(({ handler }) => handler !== undefined);
    if (failure.fault === 'handled' && layer) {
      this.#log(`${layer.name} handler`);
      if (layer.handler === 'fails') throw unhandled(`${layer.name} handler`);
      return { status: 422, tasks: layer.handlerTask ? [layer.handlerTask] : [] };
    }
    if (failure.fault === 'http') return { status: 409 };
    failure.isUnhandled = true;
    throw failure;
  }

  #leave(scope: DependencyScope, failure: Failure | undefined): Failure | undefined {
    return this.#leaveAll(each => each.scope === scope, failure);
  }

  #leaveAll(isLeft: (each: Entered) => boolean, failure: Failure | undefined): Failure | undefined {
    const leaving = this.#entered.filter(isLeft).toReversed();
    this.#entered = this.#entered.filter(each => !isLeft(each));
    return leaving.reduce((current, { spec }) => this.#leaveOne(spec, current), failure);
  }

  #leaveOne(spec: DependencySpec, failure: Failure | undefined): Failure | undefined {
    const { name, kind, exit, exitTask } = spec;
    const isTold = kind !== 'disposable' && failure !== undefined;
    this.#log(isTold ? `${name} exit with ${failure.label}` : `${name} exit`);
    if (isTold && exit === 'swallows') return { label: `swallowed by ${name}`, fault: 'error' };
    if (isTold && exit === 'converts') return { label: `${name} converted`, fault: 'http' };
    if (exit === 'error' || exit === 'http' || exit === 'handled')
      return { label: `${name} exit`, fault: exit };
    if (!isTold && exitTask) this.#tasks.push(exitTask);
    return failure;
  }

  #drop(): void {
    this.#tasks.push(...this.#ofReplaced.splice(0));
    for (const { name, when } of this.#tasks)
      if (when === 'success') this.#log(`reported background: dropped ${name}`);
    this.#tasks = this.#tasks.filter(({ when }) => when === 'always');
  }

  // Steps 6 to 9.

  #goAway(): void {
    this.#isGone = true;
    this.#log('gone');
  }

  /** Returns whether the body was cut. */
  #send(answer: Answer | undefined, failure: Failure | undefined): boolean {
    if (this.#isGone) {
      if (failure) this.#log(`reported response: ${failure.label}`);
      return false;
    }
    if (answer?.isStream) {
      if (this.#scenario.endpoint.body === 'stream') this.#log('chunk');
      this.#isOpen = true;
      if (this.#scenario.goes === 'stream') {
        this.#goAway();
        return false;
      }
      this.#closeStream();
      if (this.#scenario.endpoint.streamFails) {
        this.#log('cut');
        return true;
      }
    }
    this.#log('sent');
    return false;
  }

  #afterResponse(known: Failure | undefined): void {
    const failure = this.#note(this.#leave('request', known), known);
    const taskFailure = this.#runTasks();
    const before = failure ?? taskFailure;
    this.#note(this.#leave('background', before), before);
    this.#runTasks();
  }

  /** The layers are closed: what lives as long as they do exits, and no failure of another is its own. */
  #close(): void {
    let first: Failure | undefined;
    for (const spec of [...this.#app].toReversed()) {
      if (spec.kind === 'plain') continue;
      const failure = this.#leaveOne(spec, undefined);
      if (failure && first) this.#log(`reported exit: ${failure.label}`);
      first ??= failure;
    }
    if (first) this.#log(`close failed: ${first.label}`);
  }

  #note(failure: Failure | undefined, known: Failure | undefined): Failure | undefined {
    if (failure === undefined || failure === known) return failure;
    this.#log(`reported exit: ${failure.label}`);
    this.#drop();
    return failure;
  }

  #runTasks(): Failure | undefined {
    let first: Failure | undefined;
    for (let task = this.#tasks.shift(); task; task = this.#tasks.shift()) {
      this.#log(task.name);
      if (task.adds) this.#tasks.push(task.adds);
      if (!task.fails) continue;
      this.#log(`reported background: ${task.name}`);
      first ??= { label: task.name, fault: 'error' };
    }
    return first;
  }
}

function unhandled(label: string): Failure {
  return { label, fault: 'error', isUnhandled: true };
}

/** The model only throws its own failures; anything else is a bug in the model. */
function asFailure(thrown: unknown): Failure {
  if (typeof thrown === 'object' && thrown !== null && 'label' in thrown) return thrown as Failure;
  throw thrown;
}
