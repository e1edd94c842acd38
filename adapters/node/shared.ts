/** What the adapters of Express, Koa and the tests share. No entry of the package exports it. */
export { goOnIn, leaveInside, runAmong, waitAmong } from './among-native.js';
export {
  applyTo,
  begin,
  current,
  end,
  type GoOn,
  runEndpoint,
  runInside,
  runOutermost,
  waitBelow,
} from './around-native.js';
export { runBelow } from './below-context.js';
export { decodeBody, isDecodable } from './body/decode-body.js';
export { type Leftovers, parsedBodyOf } from './body/parsed-body.js';
export { clientOf } from './client.js';
export { version } from './exchange-key.js';
export type { Framework } from './framework.js';
export { bypass } from './hand-back.js';
export { headerMethods } from './hold/detached-headers.js';
export { ofBody } from './hold/framing.js';
export { HeaderSnapshot } from './hold/header-snapshot.js';
export type { Hold } from './hold/hold.js';
export { http2Stream } from './http2-stream.js';
export { injectAt } from './inject.js';
export { answeredLate, answeredTooLate, answerLate, leave, leaveAll } from './leaving.js';
export { type FetchHandler, fetchEndpoint } from './mount-fetch.js';
export {
  failedLate,
  goOnAfterError,
  isAnsweredInPlace,
  isUnanswered,
  observe,
  overtake,
  saysClosed,
  whenReleased,
} from './native-errors.js';
export { NativeExchange, type PassOn } from './native-exchange.js';
export { tasksAt } from './native-tasks.js';
export { callNative } from './native-work.js';
export type { NativeRequest, NativeResponse } from './node-types.js';
export { isTraced, nameOn, openExchange, traceOn } from './open-exchange.js';
export { keep } from './outlet.js';
export { joinedTemplates, type Template, templatesOf } from './path-templates.js';
export { BodyProducer } from './response/body-producer.js';
export { cutShort } from './response/cut-short.js';
export { goesInto } from './response/discard-source.js';
export { dropCall, droppedMethods } from './response/drop-call.js';
export { headerText } from './response/header-text.js';
export {
  areAscii,
  besideNative,
  declaredLength,
  flushHead,
  putLengthLast,
} from './response/write-response.js';
export { finish, settleError } from './settle.js';
export { absoluteUrl, belowMount, hostOf, readTarget, type Target } from './target.js';
export { answerAlone, bareLayer, toLayer } from './to-layer.js';
export { listening, type NodeListener, toNode } from './to-node.js';
export type { NodeTransport } from './transport.js';
export { setImmediate } from './turns.js';
export type { Waiter } from './waiter.js';
