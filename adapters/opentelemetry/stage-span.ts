import type { Attributes } from '@opentelemetry/api';
import { classOf, type StageEvent } from '../../core/adapter.js';
import { attributes } from './attributes.js';
import type { CallnextInstrumentationOptions } from './options.js';

/** Whether a stage gets a span. */
export function isWanted({ stage }: StageEvent, options: Required<CallnextInstrumentationOptions>): boolean {
  if (stage === 'middleware') return options.middleware;
  if (stage === 'dependency.enter' || stage === 'dependency.exit') return options.dependencies;
  if (stage === 'endpoint') return options.endpoints;
  if (stage === 'send') return options.send;
  if (stage === 'enqueue') return options.durableTasks !== false;
  return stage === 'task' && options.tasks !== false;
}

/** Whether a stage runs under the request's span: the context that it runs in is that of a middleware. */
export function isUnderRequest({ stage, scope }: StageEvent): boolean {
  return stage === 'dependency.exit' || stage === 'task' || stage === 'send' || scope === 'app';
}

export function nameOf({ stage, kind, name }: StageEvent): string {
  if (stage === 'dependency.enter') return `dependency ${name}`;
  if (stage === 'dependency.exit') return `dependency exit ${name}`;
  if (kind === 'native' || stage === 'send') return name;
  return `${stage} ${name}`;
}

export function attributesOf({ stage, kind, name, layer, scope, thrown }: StageEvent): Attributes {
  const isFunction = kind !== 'native' && stage !== 'send';
  return {
    [attributes.stage]: stage,
    [attributes.layer]: layer,
    ...(isFunction ? { [attributes.functionName]: name } : {}),
    ...(scope ? { [attributes.scope]: scope } : {}),
    ...(thrown ? { [attributes.thrown]: classOf(thrown) } : {}),
  };
}
