/**
 * The names of attributes. Those of HTTP and code are stable in the semantic conventions 1.44; those under
 * `callnext` are our own.
 */
export const attributes = {
  method: 'http.request.method',
  originalMethod: 'http.request.method_original',
  route: 'http.route',
  status: 'http.response.status_code',
  path: 'url.path',
  scheme: 'url.scheme',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  clientAddress: 'client.address',
  userAgent: 'user_agent.original',
  errorType: 'error.type',
  functionName: 'code.function.name',
  stage: 'callnext.stage',
  layer: 'callnext.layer',
  scope: 'callnext.dependency.scope',
  /** The class of the error that is thrown into a dependency: it rolls back. */
  thrown: 'callnext.dependency.thrown',
  /** `sent` or `aborted`. */
  outcome: 'callnext.outcome',
  /** Set on the span of work that was still running when its request was over. */
  abandoned: 'callnext.abandoned',
  /** Set on the span of a task that did not run. */
  dropped: 'callnext.task.dropped',
  phase: 'callnext.report.phase',
  reportedName: 'callnext.report.name',
  exceptionType: 'exception.type',
  exceptionMessage: 'exception.message',
} as const;
