export { BodyProducer } from './body-producer.js';
export { ResponseEnd } from './client-disconnect.js';
export { decodeBody } from './decode-body.js';
export { goesInto } from './discard-source.js';
export { Frame } from './frame.js';
export { HeaderSnapshot } from './header-snapshot.js';
export { HeldResponse } from './held-response.js';
export { http2Stream } from './http2-stream.js';
export { injectAt } from './inject.js';
export type { LayerRun } from './layer-runs.js';
export { type FetchHandler, fetchEndpoint } from './mount-fetch.js';
export { NativeExchange } from './native-exchange.js';
export type { NativeRequest, NativeResponse } from './node-types.js';
export { type Leftovers, parsedBodyOf } from './parsed-body.js';
export {
  absoluteUrl,
  clientOf,
  type FrameworkRequest,
  hostOf,
  NodeRequestSource,
} from './read-request.js';
export { answerAlone, bareLayer, toLayer } from './to-layer.js';
export { inject, type NodeListener, openBare, runAround, toNode } from './to-node.js';
export { besideNative, declaredLength } from './write-response.js';
