/** What the adapters of Express, Koa and the tests share. No entry of the package exports it. */
export { decodeBody } from './body/decode-body.js';
export { type Leftovers, parsedBodyOf } from './body/parsed-body.js';
export { Frame } from './frame.js';
export { HeaderSnapshot } from './hold/header-snapshot.js';
export { Hold } from './hold/hold.js';
export { http2Stream } from './http2-stream.js';
export { injectAt } from './inject.js';
export type { LayerRun } from './layer-runs.js';
export { type FetchHandler, fetchEndpoint } from './mount-fetch.js';
export { NativeExchange } from './native-exchange.js';
export { tasksAt } from './native-tasks.js';
export type { NativeRequest, NativeResponse } from './node-types.js';
export { clientOf, type FrameworkRequest, NodeRequestSource } from './read-request.js';
export { BodyProducer } from './response/body-producer.js';
export { cutShort } from './response/cut-short.js';
export { goesInto } from './response/discard-source.js';
export { headerText } from './response/header-text.js';
export { ResponseEnd } from './response/response-end.js';
export {
  areAscii,
  besideNative,
  declaredLength,
  flushHead,
  putLengthLast,
} from './response/write-response.js';
export { absoluteUrl, belowMount, hostOf, readTarget, type Target } from './target.js';
export { answerAlone, bareLayer, toLayer } from './to-layer.js';
export { backgroundTasks, inject, type NodeListener, openBare, runAround, toNode } from './to-node.js';
