export {
  BackgroundTask,
  BackgroundTasks,
  type BackgroundWork,
  type TaskCondition,
} from './background/background-tasks.js';
export {
  type AnyDependency,
  type DeclaredDependency,
  type Dependencies,
  type DependencyScope,
  Depends,
  type DependsOptions,
  dependency,
  type Injected,
  isDepends,
  type Named,
  type Solved,
  type ValueOf,
} from './dependencies/depends.js';
export { injectInto } from './dependencies/inject.js';
export { checkOverride } from './dependencies/overrides.js';
export { type Endpoint, type EndpointOptions, endpoint, isEndpoint } from './endpoint/endpoint.js';
export type { ResponseClass } from './endpoint/stream-response.js';
export {
  adapterOf,
  asThrown,
  CallnextError,
  ClientDisconnect,
  type ErrorCode,
  isClass,
  isMisuse,
  madeBy,
  markFactory,
  misuse,
  misuseWith,
  toError,
} from './errors.js';
export type { ExceptionHandler, ExceptionKey } from './exceptions/exception-handlers.js';
export { Body, contentTooLarge, tooLarge } from './http/body.js';
export { type BodySource, bytesOf, type Content, checkedChunk } from './http/body-source.js';
export { type CookieOptions, cookieLine, cookieValues } from './http/cookies.js';
export {
  type EventSourceInit,
  EventSourceResponse,
  ServerSentEvent,
  type ServerSentEventInit,
} from './http/event-source-response.js';
export { FileResponse, type FileResponseInit } from './http/file-response.js';
export type { Files, OpenFile } from './http/files.js';
export { type FormLimits, type FormOptions, formErrors, UploadFile } from './http/form.js';
export {
  addToVary,
  fillHeaders,
  type HeaderStore,
  Headers,
  type HeadersInit,
  isToken,
} from './http/headers.js';
export { HTTPException } from './http/http-exception.js';
export { InjectedResponse } from './http/injected-response.js';
export { parseJSON, serialize } from './http/json.js';
export { KeptBytes } from './http/kept-bytes.js';
export type { ParsedBody, ParsedFile } from './http/parsed-body.js';
export { unescapedName } from './http/part-names.js';
export type { RouterParams } from './http/path-params.js';
export { RepeatedWait } from './http/repeated-wait.js';
export {
  changedBody,
  followTarget,
  isOurRequest,
  matchRoute,
  Request,
  type RequestInit,
  type RequestState,
  searchOf,
  sharedOf,
} from './http/request.js';
export { type Client, defaultMaxBodySize, type RequestSource } from './http/request-source.js';
export {
  contentToSend,
  partsOf,
  Response,
  responseView,
  type ViewHead,
} from './http/response.js';
export {
  isResponseLike,
  type ResponseHead,
  type ResponseInit,
  type ResponseLike,
} from './http/response-head.js';
export {
  HTMLResponse,
  JSONResponse,
  PlainTextResponse,
  RedirectResponse,
  StreamingResponse,
} from './http/responses.js';
export type { Auth, BaseUser, Session, Trace, User } from './http/shared.js';
export { isBodyless } from './http/status.js';
export { isLayer, Layer, type LayerDescription, type LayerOptions } from './layer.js';
export { type Delivery, Exchange, type NativeWork, type Transport } from './lifecycle/exchange.js';
export { type ErrorContext, type ErrorPhase, type ErrorReporter, freeze } from './lifecycle/frozen-layer.js';
export { type Undone, within } from './lifecycle/in-flight.js';
export type { Lifespan } from './lifecycle/lifespan.js';
export { type Mount, noteMount } from './lifecycle/mounts.js';
export { answerEndpoint, runExchange, runLayer } from './lifecycle/run-exchange.js';
export type { Below } from './middleware/compose.js';
export type { CallNext, Middleware } from './middleware/middleware.js';
export {
  described,
  flag,
  headerName,
  integer,
  list,
  optionalFunction,
  optionsOf,
  type Rule,
  readOptions,
} from './middleware/options.js';
export { checkOption, checkOptions, noOptions, type OptionNames } from './options.js';
