import {
  type Attributes,
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  type TextMapGetter,
  type Tracer,
} from '@opentelemetry/api';
import type { Request, StageEvent } from '../../core/adapter.js';
import { attributes } from './attributes.js';

/** The methods that the semantic conventions name; others are `_OTHER`. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'];

const headerGetter: TextMapGetter<Request> = {
  keys: ({ headers }) => [...headers.keys()],
  get: ({ headers }, name) => headers.get(name) ?? undefined,
};

/** Starts the SERVER span of a request, in the trace of its `traceparent`, and gives the context for it. */
export function startServerSpan(tracer: Tracer, { request }: StageEvent): { span: Span; around: Context } {
  const around = propagation.extract(context.active(), request, headerGetter);
  const { method } = request;
  const isKnown = methods.includes(method);
  const span = tracer.startSpan(
    isKnown ? method : 'HTTP',
    {
      kind: SpanKind.SERVER,
      attributes: {
        [attributes.method]: isKnown ? method : '_OTHER',
        ...(isKnown ? {} : { [attributes.originalMethod]: method }),
        ...targetOf(request),
        ...(request.client ? { [attributes.clientAddress]: request.client.host } : {}),
      },
    },
    around,
  );
  const userAgent = request.headers.get('user-agent');
  if (userAgent !== null) span.setAttribute(attributes.userAgent, userAgent);
  return { span, around };
}

/** A target that no route can match has no url. */
function targetOf(request: Request): Attributes {
  try {
    const { protocol, hostname, port } = new URL(request.url);
    return {
      [attributes.path]: request.path,
      [attributes.scheme]: protocol.slice(0, -1),
      [attributes.serverAddress]: hostname,
      ...(port === '' ? {} : { [attributes.serverPort]: Number(port) }),
    };
  } catch {
    return {};
  }
}
