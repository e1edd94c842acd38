/** Everything that users import from `callnext`. */
export { BackgroundTask } from './background/background-task.js';
export { BackgroundTasks, type BackgroundWork } from './background/background-tasks.js';
export type { TaskCondition } from './background/durable-task.js';
export { Depends, type DependsOptions, dependency, type Named } from './dependencies/depends.js';
export type { ValueOf } from './dependencies/lifetimes.js';
export type {
  AnyDependency,
  AppContext,
  Declared,
  DeclaredDependency,
  Dependencies,
  DependencyScope,
  Injected,
  RequestScope,
  Solved,
} from './dependencies/marker.js';
export type { Parameter } from './dependencies/parameter.js';
export { type Endpoint, type EndpointOptions, endpoint, type Returned } from './endpoint/endpoint.js';
export type { OperationOptions, ResponseDescription } from './endpoint/operation.js';
export type { ResponseClass } from './endpoint/stream-response.js';
export { CallnextError, ClientDisconnect, type ErrorCode } from './errors.js';
export type { ExceptionHandler, ExceptionKey } from './exceptions/exception-handlers.js';
export type { CookieOptions } from './http/cookies.js';
export {
  type EventSourceInit,
  EventSourceResponse,
  ServerSentEvent,
  type ServerSentEventInit,
} from './http/event-source-response.js';
export { FileResponse, type FileResponseInit } from './http/file-response.js';
export type { Files, OpenFile } from './http/files.js';
export { type FormLimits, type FormOptions, UploadFile } from './http/form.js';
export type { ResponseInit } from './http/head.js';
export { Headers, type HeadersInit } from './http/headers.js';
export { HTTPException } from './http/http-exception.js';
export { InjectedResponse } from './http/injected-response.js';
export type { RouterParams } from './http/path-params.js';
export { Request } from './http/request.js';
export type { RequestInit, RequestState } from './http/request-init.js';
export type { Client } from './http/request-source.js';
export { Response } from './http/response.js';
export type { ResponseLike } from './http/response-like.js';
export {
  HTMLResponse,
  JSONResponse,
  PlainTextResponse,
  RedirectResponse,
  StreamingResponse,
} from './http/responses.js';
export type { Route } from './http/route.js';
export type { Auth, BaseUser, Session, Trace, User } from './http/shared.js';
export type { LayerDescription } from './layer/description.js';
export type { LayerOptions } from './layer/layer-options.js';
export { Layer } from './layer.js';
export type { Undone } from './lifecycle/in-flight.js';
export type { Lifespan } from './lifecycle/lifespan.js';
export type { ErrorContext, ErrorPhase, ErrorReporter } from './lifecycle/reports.js';
export type { CallNext, Middleware } from './middleware/middleware.js';
