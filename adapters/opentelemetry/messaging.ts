import {
  type Attributes,
  type Context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  type SpanOptions,
  trace,
} from '@opentelemetry/api';
import type { StageEvent } from '../../core/adapter.js';

/** The names of the conventions for messaging, which are in development (1.44). */
const names = {
  system: 'messaging.system',
  operation: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  destination: 'messaging.destination.name',
  messageId: 'messaging.message.id',
  task: 'callnext.task.name',
  attempt: 'callnext.task.attempt',
} as const;

/** How the span of a durable task is made. */
export interface MessageSpan {
  readonly name: string;
  readonly options: SpanOptions;
  readonly around: Context;
}

/** The PRODUCER span of a task that is stored. */
export function sendSpan(event: StageEvent, around: Context): MessageSpan {
  return {
    name: `send ${event.name}`,
    options: { kind: SpanKind.PRODUCER, attributes: attributesOf(event, 'send') },
    around,
  };
}

/** Lets the headers of the task carry the context of its PRODUCER span to the worker. */
export function inject({ envelope }: StageEvent, around: Context): void {
  if (envelope) propagation.inject(around, envelope.headers);
}

/** The context in which a task was added: its trace, and its baggage. */
export function creationContext({ envelope }: StageEvent): Context {
  return propagation.extract(ROOT_CONTEXT, envelope?.headers ?? {});
}

/** The CONSUMER span of a task in a worker. By convention, it is a trace of its own with a link. */
export function processSpan(event: StageEvent, jobs: 'link' | 'child'): MessageSpan {
  const created = creationContext(event);
  const creation = trace.getSpanContext(created);
  const isLinked = jobs === 'link';
  return {
    name: `process ${event.name}`,
    options: {
      kind: SpanKind.CONSUMER,
      attributes: attributesOf(event, 'process'),
      root: isLinked,
      links: isLinked && creation ? [{ context: creation }] : [],
    },
    around: isLinked ? trace.deleteSpan(created) : created,
  };
}

function attributesOf({ name, queue, attempt, envelope }: StageEvent, operation: string): Attributes {
  return {
    [names.system]: 'callnext',
    [names.operation]: operation,
    [names.operationType]: operation,
    ...(queue === undefined ? {} : { [names.destination]: queue }),
    ...(envelope ? { [names.messageId]: envelope.id } : {}),
    [names.task]: name,
    ...(attempt === undefined ? {} : { [names.attempt]: attempt }),
  };
}
