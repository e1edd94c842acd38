import { checkGraphIn } from '../dependencies/dependency-graph.js';
import { contextOf, type DependencyRun, noValues } from '../dependencies/dependency-run.js';
import type { ExitStack } from '../dependencies/exit-stack.js';
import { isGenerator } from '../dependencies/generator-context.js';
import { solveDependencies } from '../dependencies/solve.js';
import { type Answered, accept } from '../http/accept.js';
import type { Response } from '../http/response.js';
import { type Endpoint, nameOfEndpoint } from './endpoint.js';
import { asModelled } from './response-model.js';
import { type StreamRun, streamResponse } from './stream-response.js';
import { toResponse } from './to-response.js';

/** The part of an exchange that an endpoint needs. */
export interface EndpointRun extends DependencyRun, Answered, StreamRun {
  readonly exits: ExitStack;
  readonly reports: DependencyRun['reports'] & StreamRun['reports'] & Parameters<typeof asModelled>[2];
}

const ofEndpoint = { kind: 'endpoint' } as const;

/**
 * Runs steps 2 to 4 of the order: enters the dependencies, runs the handler, makes the response, and runs the
 * exits of scope `function`. Rejects with the first failure, which the caller throws into the open
 * dependencies.
 */
export async function runEndpoint(endpoint: Endpoint, run: EndpointRun): Promise<Response> {
  checkGraphIn(run, endpoint.dependencies, endpoint.name);
  const values = noValues();
  const solving = solveDependencies(endpoint.dependencies, values, run);
  if (solving) await solving;
  // A middleware that did not wait may have failed meanwhile: start nothing more.
  if (run.exits.refusal) throw run.exits.refusal;
  const watch = run.timings?.begin(nameOfEndpoint(endpoint, run.injected.request));
  run.trace?.add(nameOfEndpoint(endpoint, run.injected.request));
  const stage = run.tracing?.begin('endpoint', nameOfEndpoint(endpoint, run.injected.request), ofEndpoint);
  const { response: injected } = run.injected;
  let made: Response;
  try {
    const context = contextOf(values, run.injected);
    const returned: unknown = await (stage
      ? stage.run(endpoint.handler, context)
      : endpoint.handler(context));
    const result = endpoint.responseModel ? await asModelled(returned, endpoint, run.reports) : returned;
    if (isGenerator(result)) {
      made = await streamResponse(result, endpoint, run);
      injected.mergeInto(made);
    } else made = toResponse(result, injected, endpoint, run);
    stage?.end({ response: made, route: run.tracing?.route });
  } catch (thrown) {
    stage?.fail(thrown, { route: run.tracing?.route });
    throw thrown;
  } finally {
    watch?.stop();
  }
  const accepted = accept(run, made, run.injected.request);
  const response = 'status' in accepted ? accepted : await accepted;
  if (run.exits.isEmpty && run.exits.failure === undefined) return response;
  const leaving = run.exits.leave('function', response);
  const failure = leaving instanceof Promise ? await leaving : leaving;
  if (failure === undefined) return response;
  run.replaced(response);
  throw failure;
}
