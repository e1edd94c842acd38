/**
 * `callnext/adapter`, for authors of adapters. It includes layers, requests and responses, so that an adapter
 * needs no other import. Exports that only exist here may change in a minor version. See
 * `docs/internals/write-an-adapter.md`.
 */
export { BackgroundTasks } from './background/background-tasks.js';
export type {
  InProcessQueue,
  JobInfo,
  Outcome,
  QueueWorker,
  RunJob,
  SqlExecutor,
  TaskBackoff,
  TaskEnvelope,
  TaskQueue,
  TaskSchedule,
  WorkOptions,
} from './background/task-queue.js';
export { Depends, type Named } from './dependencies/depends.js';
export type { ValueOf } from './dependencies/lifetimes.js';
export {
  type AnyDependency,
  type AppContext,
  type Declared,
  type DeclaredDependency,
  type Dependencies,
  type Injected,
  isMarker,
  type Solved,
} from './dependencies/marker.js';
export { checkOverride } from './dependencies/overrides.js';
export { type Endpoint, endpoint, isEndpoint } from './endpoint/endpoint.js';
export { classOf } from './errors/show.js';
export {
  adapterOf,
  asThrown,
  ClientDisconnect,
  isClass,
  isMisuse,
  madeBy,
  markFactory,
  misuse,
  misuseWith,
  mountedIn,
  toError,
} from './errors.js';
export { isExpected } from './exceptions/http-exception.js';
export type {
  AppRoute,
  AppRoutes,
  MountPaths,
  PathParameter,
  PathTemplate,
} from './http/app-routes.js';
export { Body } from './http/body.js';
export { contentTooLarge, tooLarge } from './http/body-limits.js';
export { type BodySource, bytesOf, type Content, checkedChunk } from './http/body-source.js';
export { cookieLine, cookieValues } from './http/cookies.js';
export { discard } from './http/discard.js';
export { EventSourceResponse, ServerSentEvent } from './http/event-source-response.js';
export { isToken } from './http/field-syntax.js';
export type { Files, OpenFile } from './http/files.js';
export { type FormLimits, formErrors, UploadFile } from './http/form.js';
export type { ResponseHead, ViewHead } from './http/head.js';
export { addToVary, fillHeaders } from './http/header-rules.js';
export type { HeaderStore } from './http/header-store.js';
export { areCopiedFrom, Headers } from './http/headers.js';
export { HTTPException } from './http/http-exception.js';
export { parseJSON, serialize } from './http/json.js';
export { KeptBytes } from './http/kept-bytes.js';
export type { ParsedBody, ParsedFile } from './http/parsed-body.js';
export { unescapedName } from './http/part-names.js';
export type { RouterParams } from './http/path-params.js';
export { RepeatedWait } from './http/repeated-wait.js';
export { Request } from './http/request.js';
export { changedBody } from './http/request-change.js';
export { followTarget, matchRoute, sharedOf } from './http/request-parts.js';
export { type Client, defaultMaxBodySize, type RequestSource } from './http/request-source.js';
export { searchOf } from './http/request-target.js';
export { Response } from './http/response.js';
export { isResponseLike, type ResponseLike } from './http/response-like.js';
export {
  bodyOf,
  contentToSend,
  headOf,
  isNativeView,
  moveResponse,
  openedBodyOf,
  responseOver,
} from './http/response-parts.js';
export { HTMLResponse, PlainTextResponse } from './http/responses.js';
export { MatchedRoute, type Route } from './http/route.js';
export type { Session, Trace } from './http/shared.js';
export { isBodyless } from './http/status.js';
export { isLayer, Layer, layerAlone } from './layer.js';
export { isInside } from './lifecycle/enter-layer.js';
export { Exchange } from './lifecycle/exchange.js';
export { answerUnhandled, errorHeadersOf } from './lifecycle/failure.js';
export { freeze } from './lifecycle/frozen-layer.js';
export { within } from './lifecycle/in-flight.js';
export { inject as injectInto } from './lifecycle/inject.js';
export { type Mount, noteMount } from './lifecycle/mounts.js';
export {
  failLate,
  goOnWithoutFailure,
  holdsInjected,
  observeFailure,
  overtakeAnswer,
} from './lifecycle/native-failure.js';
export { detach, isLeftBehind, whenOver } from './lifecycle/over.js';
export { unfinishedTasks, whenQueuesIdle } from './lifecycle/queues.js';
export { runExchange } from './lifecycle/run-exchange.js';
export { answerEndpoint, runLayer } from './lifecycle/run-layer.js';
export { hasStores } from './lifecycle/stores.js';
export { goesOn, isClosedInTime } from './lifecycle/superseded.js';
export type { Delivery, NativeWork, Transport } from './lifecycle/transport.js';
export { hasInjected, isAnswering, isHolding } from './lifecycle/unfinished.js';
export type { Below } from './middleware/compose.js';
export type { CallNext, Middleware } from './middleware/middleware.js';
export {
  described,
  flag,
  integer,
  list,
  optionsOf,
  type Rule,
  readOptions,
} from './middleware/options.js';
export { checkOption, checkOptions, noOptions, type OptionNames } from './options.js';
export type { ReportEvent, SettledEvent, StageEvent, StageKind, StageName } from './tracing/events.js';
export { type EventWithContext, inContext } from './tracing/stage.js';
export { type Subscriber, subscribe } from './tracing/subscribe.js';
