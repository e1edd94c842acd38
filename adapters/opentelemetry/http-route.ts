import { type Context, context, createContextKey, type Span, SpanKind } from '@opentelemetry/api';
import { attributes } from './attributes.js';

/** What `@opentelemetry/instrumentation-http` keeps on the context, and reads when the response closes. */
interface RPCMetadata {
  readonly type?: unknown;
  route?: string;
}

/** The key of `@opentelemetry/core`: keys of the same description are the same. */
const metadataKey = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');

/** The metadata of the HTTP instrumentation around here, if it is installed. */
export function metadataOf(around: Context = context.active()): RPCMetadata | undefined {
  const metadata = around.getValue(metadataKey) as RPCMetadata | undefined;
  return metadata?.type === 'http' ? metadata : undefined;
}

/** Names the SERVER span of a request after its route. */
export function nameAfterRoute(
  span: Span,
  metadata: RPCMetadata | undefined,
  method: string,
  route: string,
): void {
  if (metadata) metadata.route = route;
  // The span may be one that the app has started around the layer; its name is the app's.
  const { kind } = span as { readonly kind?: SpanKind };
  if (kind !== SpanKind.SERVER || !span.isRecording()) return;
  span.setAttribute(attributes.route, route);
  span.updateName(`${method} ${route}`);
}
