import http from 'node:http';
import {
  BackgroundTask,
  type BackgroundTasks,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  JSONResponse,
  Layer,
  type Middleware,
  PlainTextResponse,
  type Request,
  type Response,
  StreamingResponse,
} from 'callnext';
import { gate } from '../support/events.js';
import { type Answer, type Framework, listening } from '../support/frameworks.js';
import type {
  DependencySpec,
  EndpointSpec,
  Fault,
  LayerSpec,
  MiddlewareSpec,
  Outcome,
  Scenario,
  TaskSpec,
} from './scenario.js';

interface HasTasks {
  readonly backgroundTasks: BackgroundTasks;
}

/** An exception with a registered handler. */
class Handled extends Error {}

/** Plays a scenario on a framework over a real socket. Resolves with what was seen, after the last task. */
export async function play(scenario: Scenario, framework: Framework): Promise<Outcome> {
  const stage = new Stage(scenario);
  const app = framework.app();
  const [outermost, ...inner] = stage.layers;
  app.use(outermost as Layer);
  for (const layer of inner) app.use(layer);
  if (scenario.endpoint.isNative) app.handler('/', answer => stage.answer(answer));
  else app.at('/', stage.endpoint);
  const listener = app.listener();
  const watched: http.RequestListener = (req, res) => {
    let isComplete = false;
    res.once('finish', () => {
      isComplete = !res.destroyed;
    });
    res.once('close', () => {
      if (!stage.isGone) stage.log(isComplete ? 'sent' : 'cut');
    });
    listener(req, res);
  };
  return listening(watched, async (_url, port) => {
    const status = await stage.request(port);
    for (const layer of stage.layers)
      await layer.close().catch(error => stage.log(`close failed: ${labelOf(error)}`));
    return { events: stage.events, status };
  });
}

class Stage {
  readonly events: string[] = [];
  readonly layers: readonly Layer[];
  readonly endpoint: ReturnType<typeof endpoint>;
  isGone = false;
  readonly #scenario: Scenario;
  readonly #dependencies = new Map<DependencySpec, Depends<unknown>>();
  readonly #leaving = gate<void>();

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.layers = scenario.layers.map((layer, index) => this.#layer(layer, index));
    this.endpoint = this.#endpoint(scenario.endpoint);
  }

  log = (event: string): void => {
    this.events.push(event);
  };

  /** Answers like the endpoint, as a handler of the framework. */
  async answer(answer: Answer): Promise<void> {
    const { dependencies, tasks, fault } = this.#scenario.endpoint;
    for (const each of dependencies) await answer.inject(this.#depends(each));
    const backgroundTasks = await answer.inject(Depends(context => context.backgroundTasks));
    this.log('endpoint');
    for (const task of tasks) backgroundTasks.addTask(this.#task(task, backgroundTasks));
    fail(fault, 'endpoint');
    answer.send({ ok: true });
  }

  /** Resolves with the status of a complete response. */
  request(port: number): Promise<number | undefined> {
    return new Promise(resolve => {
      const request = http.get({ port, host: '127.0.0.1', agent: false }, response => {
        response.resume();
        response.once('close', () => resolve(response.complete ? response.statusCode : undefined));
      });
      request.once('error', () => resolve(undefined));
      void this.#leaving.opened.then(() => request.destroy());
    });
  }

  /** Makes the client leave, and notifies those who wait for that. */
  async #goAway(request: Request): Promise<void> {
    const { signal } = request;
    const told = new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
    this.isGone = true;
    this.#leaving.open();
    if (!signal.aborted) await told;
    this.log('gone');
  }

  #layer(spec: LayerSpec, index: number): Layer {
    const layer = new Layer({
      middleware: spec.middleware.map((each, depth) => this.#middleware(each, index === 0 && depth === 0)),
      dependencies: spec.dependencies.map(each => this.#depends(each)),
      defaultScope: this.#scenario.defaultScope,
      onError: (error, { phase }) => this.log(`reported ${phase}: ${labelOf(error)}`),
    });
    if (spec.handler) {
      layer.addExceptionHandler(Handled, async () => {
        this.log(`${spec.name} handler`);
        if (spec.handler === 'fails') throw new Error(`${spec.name} handler`);
        const background = spec.handlerTask && this.#task(spec.handlerTask);
        return new PlainTextResponse('handled', { status: 422, ...(background ? { background } : {}) });
      });
    }
    if (spec.catchAll) {
      layer.addExceptionHandler(Error, () => {
        this.log(`${spec.name} catch-all`);
        if (spec.catchAll === 'fails') throw new Error(`${spec.name} catch-all`);
        return new PlainTextResponse('sorry', { status: 500 });
      });
    }
    return layer;
  }

  #middleware({ name, kind, before, after, sets }: MiddlewareSpec, isOutermost: boolean): Middleware {
    return async (request, callNext) => {
      this.log(`${name} before`);
      fail(before, `${name} before`);
      if (kind === 'answers') return new PlainTextResponse('short', { status: 202 });
      let response: Response;
      try {
        response = await callNext(request);
      } catch (error) {
        this.log(`${name} caught ${labelOf(error as Error)}`);
        if (kind !== 'catches') throw error;
        return new PlainTextResponse('caught', { status: 503 });
      }
      this.log(`${name} after ${response.status}`);
      if (isOutermost && this.#scenario.goes === 'after') await this.#goAway(request);
      const returned = kind === 'replaces' ? new PlainTextResponse('replaced', { status: 201 }) : response;
      if (sets) returned.background = this.#task(sets);
      fail(after, `${name} after`);
      return returned;
    };
  }

  #depends(spec: DependencySpec): Depends<unknown> {
    const known = this.#dependencies.get(spec);
    if (known) return known;
    const needs = Object.fromEntries(spec.needs.map(each => [`the ${each.name}`, this.#depends(each)]));
    const made = dependency(needs, this.#producer(spec));
    const scoped = spec.scope ? { scope: spec.scope } : {};
    const options = { ...scoped, dispose: spec.kind === 'disposable' };
    // The scope is random, so the types cannot check it.
    const marker = Depends(made as never, options as never) as Depends<unknown>;
    this.#dependencies.set(spec, marker);
    return marker;
  }

  #producer(spec: DependencySpec): (context: HasTasks) => unknown {
    const { name, kind } = spec;
    const enter = (context: HasTasks): void => {
      this.log(`${name} enter`);
      if (spec.task) this.#add(spec.task, context);
      fail(spec.enter, `${name} enter`);
    };
    const exit = (context: HasTasks): void => {
      this.log(`${name} exit`);
      if (spec.exit !== 'swallows' && spec.exit !== 'converts') fail(spec.exit, `${name} exit`);
      if (spec.exitTask) this.#add(spec.exitTask, context);
    };
    const exitWith = (error: Error): void => {
      this.log(`${name} exit with ${labelOf(error)}`);
      if (spec.exit === 'swallows') return;
      if (spec.exit === 'converts') throw new HTTPException(409, `${name} converted`);
      fail(spec.exit, `${name} exit`);
      throw error;
    };
    const named = <F extends object>(produce: F): F =>
      Object.defineProperty(produce, 'name', { value: name });
    switch (kind) {
      case 'plain':
        return named(async context => enter(context));
      case 'disposable':
        return named((context: HasTasks) => {
          enter(context);
          return { [Symbol.asyncDispose]: async () => exit(context) };
        });
      case 'generator':
        return named(function* (context: HasTasks) {
          enter(context);
          try {
            yield name;
          } catch (error) {
            return exitWith(error as Error);
          }
          exit(context);
        });
      case 'async generator':
        return named(async function* (context: HasTasks) {
          await undefined;
          enter(context);
          try {
            yield name;
          } catch (error) {
            await undefined;
            return exitWith(error as Error);
          }
          await undefined;
          exit(context);
        });
    }
  }

  /** Dependencies of scope `app` have no tasks, so they never call this. */
  #add(spec: TaskSpec, { backgroundTasks }: HasTasks): void {
    backgroundTasks.addTask(this.#task(spec, backgroundTasks));
  }

  #endpoint(spec: EndpointSpec): ReturnType<typeof endpoint> {
    const dependencies = Object.fromEntries(
      spec.dependencies.map(each => [`the ${each.name}`, this.#depends(each)]),
    );
    return endpoint(dependencies, async ({ request, backgroundTasks }) => {
      this.log('endpoint');
      for (const task of spec.tasks) backgroundTasks.addTask(this.#task(task, backgroundTasks));
      if (this.#scenario.goes === 'endpoint') await this.#goAway(request);
      fail(spec.fault, 'endpoint');
      if (spec.body === 'data') return { ok: true };
      if (spec.body === 'yields') return this.#chunks(spec, request);
      const init = spec.ownTask ? { background: this.#task(spec.ownTask, backgroundTasks) } : {};
      return spec.body === 'response'
        ? new JSONResponse({ ok: true }, init)
        : new StreamingResponse(this.#chunks(spec, request), init);
    });
  }

  async *#chunks({ streamFails }: EndpointSpec, request: Request): AsyncGenerator<string> {
    try {
      this.log('chunk');
      yield 'chunk';
      if (this.#scenario.goes === 'stream') await this.#goAway(request);
      if (streamFails) throw new Error('stream');
      yield 'last';
    } finally {
      this.log('stream closed');
    }
  }

  /** Creates a task that adds further tasks to `list`. */
  #task(spec: TaskSpec, list?: BackgroundTasks): BackgroundTask {
    const run = async (): Promise<void> => {
      this.log(spec.name);
      await undefined;
      if (spec.adds) list?.addTask(this.#task(spec.adds, list));
      if (spec.fails) throw new Error(spec.name);
    };
    Object.defineProperty(run, 'name', { value: spec.name });
    return new BackgroundTask(run, [], { when: spec.when }) as BackgroundTask;
  }
}

function fail(fault: Fault | undefined, message: string): void {
  if (fault === 'error') throw new Error(message);
  if (fault === 'http') throw new HTTPException(409, message);
  if (fault === 'handled') throw new Handled(message);
}

/** The model's name of an error. */
export function labelOf(error: Error): string {
  const { code } = error as { code?: string };
  const [, name] = /`([^`]+)`/.exec(error.message) ?? [];
  if (code === 'TASK_DROPPED') return `dropped ${name}`;
  if (code === 'EXCEPTION_SWALLOWED') return `swallowed by ${name}`;
  return error.message;
}
