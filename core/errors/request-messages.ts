import { isSchemaLike } from './kinds.js';
import { cure } from './setup-messages.js';
import { show } from './show.js';

/** The messages of mistakes that only show while a request is answered. */
export const requestMessages = {
  ALREADY_ANSWERED: () =>
    '`callNext` was called after an outer middleware or a timeout had already answered. Call it earlier.',
  APP_INSIDE_APP: () =>
    'A Koa app was called inside another Koa app, and both have a layer around this request. ' +
    'Mount the inner app with koa-mount, or keep the layer of one app only.',
  BACKGROUND_TASK: (received: unknown) =>
    "A background task is a function followed by its arguments, or a BackgroundTask that runs on 'success' " +
    `or 'always'; received ${show(received)}.${noGenerator(received)}`,
  BODY_CHUNK: (received: unknown) =>
    `A streamed body produced ${show(received)}. Its chunks must be strings or bytes.`,
  BODY_CONSUMED: (what: string) =>
    `The body of the ${what} was already consumed as a stream and cannot be read again. ` +
    'Read it once, or with `text()`, `json()` or `arrayBuffer()`, which keep it.',
  BODY_LIMIT: (limit: number) =>
    `The request body exceeds the \`bodyLimit()\` of ${limit} bytes. Raise its \`maxBodySize\`, ` +
    'or add another `bodyLimit()` around the routes that take more; the innermost one applies.',
  BODY_NOT_ALLOWED: (method: string) =>
    `A ${method} request has no body. ` +
    'Pass a method that allows one to `new Request(request, { method, body })`, or omit `body`.',
  BODY_PARSED: (reader: string, parser: string, cure: string) =>
    `\`request.${reader}\` cannot restore the bytes that ${parser} has already consumed and changed. ` +
    `Mount the layer before the parser, or keep the bytes: ${cure}.`,
  BODY_TOO_LARGE: (limit: number) =>
    `The request body exceeds the ${limit} bytes that may be held in memory. ` +
    'Raise `new Layer({ maxBodySize })`, or stream it once with `request.body` or `request.form()`.',
  BODY_UNCLOSED: (patience: number) =>
    `A dropped response body did not close within ${patience} ms, so its dependencies exit now. ` +
    'Pass `request.signal` to what the body waits for, and let its `cancel()` or `finally` return.',
  CALL_NEXT_LATE: (middleware: string) =>
    `The middleware \`${middleware}\` called \`callNext\` after it had returned. ` +
    'Call it earlier, and await it.',
  CALL_NEXT_NOT_AWAITED: (middleware: string) =>
    `The middleware \`${middleware}\` threw a TypeError while \`callNext\` was still pending. ` +
    'Await it: `const response = await callNext(request)`.',
  CALL_NEXT_TWICE: (middleware: string) =>
    `The middleware \`${middleware}\` called \`callNext\` twice. ` +
    'Keep the response of the first call: everything below runs once per request.',
  ERROR_BOUNDARY: (received: unknown) =>
    `\`errorBoundary()\` takes the Layer whose errors it catches, received ${show(received)}. ` +
    'Wrap a middleware in a layer: `new Layer({ middleware: [it] })`.',
  ERROR_PAGE_UNENDED: (patience: number) =>
    `An error page that replaced a failed answer made no progress for ${patience} ms, so its connection ` +
    'was cut. End the response in the error middleware, in the async context in which Express calls it.',
  EXCEPTION_KEY: (received: unknown) =>
    'An exception handler is registered for an error class or a status from 200 to 599, ' +
    `received ${show(received)}.`,
  CONTENT_LENGTH: (declared: number, produced: number) =>
    `The streamed body declared \`content-length: ${declared}\` but produced ${produced} bytes` +
    `${produced > declared ? ' or more' : ''}. Omit the header to send the body in chunks.`,
  CONTENT_TYPE: (received: string) =>
    '`request.json()` only reads `application/json` and `application/*+json`; ' +
    `this request ${received}. ` +
    'Use `request.text()`, or allow any type: `new Layer({ strictContentType: false })`.',
  COOKIE: (name: string, reason: string) =>
    `The cookie ${JSON.stringify(name)} cannot be set: ${reason}. ` +
    'A cookie name is a token; the attributes are those of RFC 6265.',
  DEPENDS_EXPECTED: (name: string, owner: string, received: unknown) =>
    owner === 'inject'
      ? '`inject()` takes a `Depends(…)`, or an object of them, as its second argument; ' +
        `received ${show(received)}. ` +
        'Wrap it: `inject(req, Depends(…))`, `inject(req, { db: Depends(…) })`.'
      : owner === 'layer'
        ? `\`new Layer({ dependencies })\` takes a list of \`Depends(…)\`, received ${show(received)}. ` +
          'Wrap it: `[Depends(…)]`.'
        : `\`${owner}\` declares \`${name}\` as ${show(received)}. Wrap it: ` +
          (isSchemaLike(received) ? `\`${name}: Query(…)\`, \`Body(…)\`.` : `\`${name}: Depends(…)\`.`),
  EXCEPTION_HANDLER: (received: unknown) =>
    `An exception handler is a function (request, exception) => response, received ${show(received)}.`,
  EXCEPTION_SWALLOWED: (dependency: string) =>
    `The dependency \`${dependency}\` caught the exception at its \`yield\` and did not throw. ` +
    'That cannot make a failed request succeed: throw the exception again, or another one.',
  FETCH_HANDLER: (received: unknown) =>
    `\`mountFetch()\` takes a Fetch handler, (request) => response, received ${show(received)}. ` +
    'Pass `app.fetch` or `auth.handler` itself.',
  FILE: (path: string, reason: string) =>
    `The file of a FileResponse, ${JSON.stringify(path)}, ${reason}. ` +
    'If it may be missing, check the path first and throw an HTTPException(404).',
  FORM_FILE: (path: string, reason: string) =>
    `A file of \`request.form()\` could not be written to ${JSON.stringify(path)}: ${reason}. ` +
    'Make room there, or set TMPDIR to a larger folder.',
  FORM_LATE: () =>
    '`request.form()` was called, or was still reading, after its request had ended. ' +
    'Await it in the endpoint, or in a background task.',
  FORM_OPTIONS: (option: string, received: unknown) =>
    `The option \`${option}\` of \`request.form()\` must be a number of at least 0, ` +
    `received ${show(received)}.`,
  FROM_NATIVE: (adapter: string, expected: string, received: unknown) =>
    `\`${adapter}()\` ${expected}, received ${show(received)}.`,
  GENERATOR_NEVER_YIELDED: (dependency: string) =>
    `The dependency \`${dependency}\` is a generator that returned without a \`yield\`. ` +
    'Yield its value once.',
  GENERATOR_NOT_ENTERED: (dependency: string, isCompiled: boolean) =>
    isCompiled
      ? `The dependency \`${dependency}\` was compiled from a generator function to a plain function, ` +
        'which callnext cannot recognize. Compile for ES2018 or newer.'
      : `The dependency \`${dependency}\` is a plain function that returned a generator, whose code would ` +
        'never run. Pass the generator function itself, or write `async function* () { yield* … }`.',
  GENERATOR_YIELDED_TWICE: (dependency: string) =>
    `The dependency \`${dependency}\` yielded a second time. ` +
    'Yield once; the code after the `yield` is the exit.',
  HEADER_NAME: (name: string) => `The header name ${JSON.stringify(name)} is not a token (RFC 9110, 5.1).`,
  HEADER_VALUE: (name: string) =>
    `The value of the header \`${name}\` contains a line break or another illegal character ` +
    '(RFC 9110, 5.5). Encode it first.',
  HEADERS_SENT: (action: string) =>
    `Cannot ${action}: the response has been sent. Do it before the outermost middleware returns.`,
  INJECT_BLOCK: (received: unknown) =>
    '`inject()` with a block takes named dependencies, then a function; ' +
    `received ${show(received)}.${noGenerator(received)} ` +
    'Call `inject(req, { db: Depends(getDb) }, async ({ db }) => …)`.',
  INJECT_LATE: (dependency: string) =>
    `\`inject()\` asked for \`${dependency}\` after the response, when the dependencies had exited. ` +
    'Inject before the response is complete.',
  INJECT_OUTSIDE: () => outside('inject'),
  INJECT_USED_LATE: (route: string, dependency: string) =>
    `The handler of \`${route}\` wrote to its response after \`${dependency}\`, of scope "function", had ` +
    'exited. Use a block, which the exit waits for: ' +
    `\`inject(req, { value: Depends(${dependency}) }, async ({ value }) => …)\`; or use the scope "request".`,
  LAYER_CLOSED: () =>
    'The layer was closed with `layer.close()` and accepts no more work. ' +
    'Close it after the server has stopped; create a new layer to start again.',
  LAYER_FROZEN: (method: string) =>
    `\`layer.${method}\` was used after the first request, which freezes a layer. ` +
    'Set the layer up before the app listens.',
  LAYER_TIMEOUT: (timeout: number) =>
    `A layer did not answer within its \`timeout\` of ${timeout} ms. ` +
    'Let slow work listen to `request.signal`, which is now aborted, or raise `timeout`.',
  MIDDLEWARE_MISSING: (property: string, middleware: string) =>
    `\`${property}\` requires the \`${middleware}()\` middleware. ` +
    `Add it: \`layer.addMiddleware(${middleware}({ … }))\`.`,
  MIDDLEWARE_OPTIONS: (middleware: string, option: string, expected: string, received: unknown) =>
    `The option \`${option}\` of \`${middleware}()\` must be ${expected}, received ${show(received)}.`,
  MIDDLEWARE_TIMEOUT: (timeout: number) =>
    `No response within the ${timeout} ms of \`timeout()\`. ` +
    'Let slow work listen to `request.signal`, which is now aborted, or raise `timeoutMs`.',
  NOT_DISPOSABLE: (dependency: string, received: unknown) =>
    `The value of \`${dependency}\`, ${show(received)}, has neither \`Symbol.asyncDispose\` nor ` +
    '`Symbol.dispose`, which `dispose: true` requires. Return a disposable value, or omit `dispose`.',
  NOT_A_RESPONSE: (what: string, received: unknown) =>
    `${what} returned ${show(received)}, which is not a response. ${
      typeof received === 'function'
        ? 'Call the function.'
        : 'Return the response of `callNext`, a callnext Response, or a Fetch Response.'
    }`,
  NOT_SERIALIZABLE: (received: unknown, place?: string) =>
    `Cannot write ${show(received)} as JSON${place === undefined ? '' : `: ${place}`}.${
      cure(
        received,
        ['promise', 'Await it first.'],
        ['stream', 'Stream it: return `new StreamingResponse(…)`, or yield its values from the endpoint.'],
        ['bytes', 'Return `new Response(…)` with it, or yield its bytes.'],
        ['form', 'Return `new Response(…)` with it.'],
        ['map', 'Return `Object.fromEntries(map)`.'],
        ['set', 'Return a list: `[...set]`.'],
      ) || ' Return plain data or a Response.'
    }`,
  NOT_SETTLED: (timeout: number, left: string) =>
    `Requests of a TestClient did not end within ${timeout} ms: ${left}. ` +
    'End this work, or raise `timeoutMs`.',
  NOTHING_RETURNED: (middleware: string, called: boolean) =>
    called
      ? `The middleware \`${middleware}\` returned nothing. ` +
        'Return the response: `const response = await callNext(request); return response;`.'
      : `The middleware \`${middleware}\` returned nothing and did not call \`callNext\`. ` +
        'Return the response of `callNext(request)`, or a response of its own.',
  OTHER_VERSION: (theirs: unknown, ours: string) =>
    `callnext ${ours} received a request that callnext ${theirs ?? 'of an earlier version'} had opened. ` +
    'Two versions cannot share a request: install one; `npm ls callnext` lists them.',
  REQUEST_EXPECTED: (received: unknown) =>
    `\`callNext\` takes a request or nothing, received ${show(received)}.`,
  RESPONSE_CLASS_WHOLE: (responseClass: string, endpoint: string) =>
    `The endpoint \`${endpoint}\` is a generator, but its \`responseClass\` \`${responseClass}\` cannot ` +
    'stream. Use `StreamingResponse` or `EventSourceResponse`, or omit `responseClass` to stream JSON Lines.',
  RESPONSE_REUSED: () =>
    'This Response object has already answered another request. Create a new one for each request.',
  RESPONSE_STARTED: () =>
    'An endpoint ran after native code had begun to answer, so its response was dropped. ' +
    'Call `next()` before anything is written.',
  SESSION_LATE: (name: string) =>
    `\`request.session\` was changed at ${JSON.stringify(name)} after the session cookie was written. ` +
    'Change it before `sessions()` gets the response: not in a stream, a task or a "request" exit.',
  SESSION_TOO_LARGE: (cookie: string, size: number) =>
    `The session cookie \`${cookie}\` would have ${size} bytes, and browsers drop cookies over 4096 bytes. ` +
    'Keep a key in `request.session`, and store the data elsewhere.',
  SERVER_SENT_EVENT: (reason: string) =>
    `A ServerSentEvent cannot be written: ${reason}. ` +
    '`event` and `id` are one line each, `retry` is whole milliseconds, and `data` or `rawData` is given.',
  STATUS: (received: unknown) =>
    `A response status is a whole number from 200 to 599, received ${show(received)}.`,
  STREAM_RETURNED: (endpoint: string, received: unknown) =>
    `The generator endpoint \`${endpoint}\` yielded nothing and returned ${show(received)}, which is not ` +
    'sent. Yield the value, or return it from a function that is not a generator.',
  STREAM_VALUE: (endpoint: string, stream: string | undefined, received: unknown) =>
    stream === undefined
      ? `The generator endpoint \`${endpoint}\` yielded ${show(received)}, which is a response. ` +
        'Return a response from a function that is not a generator.'
      : `The endpoint \`${endpoint}\` streams ${stream}, like its first value, but yielded ` +
        `${show(received)}. Yield values of one kind: plain data, \`ServerSentEvent\`s, or text or bytes.`,
  TASK_DROPPED: (task: string) =>
    `The background task \`${task}\` was dropped because its request failed. ` +
    "A task that is added to `backgroundTasks` with `{ when: 'always' }` runs anyway.",
  TASK_LATE: (task: string) =>
    `\`addTask()\` of \`${task}\` was called after the tasks of its request had run. ` +
    'Add it earlier, or call the function itself.',
  TASK_OUTSIDE: () => outside('backgroundTasks'),
  TEST_TARGET: (received: unknown) =>
    '`new TestClient()` takes an Express app, a Koa app, a request listener, a Node server, an endpoint or ' +
    `a Layer; received ${show(received)}.`,
  TASK_UNDONE: (task: string) =>
    `The background task \`${task}\` was dropped because its layer closed before the task had run. ` +
    'Pass a longer `timeoutMs` to `layer.close()`.',
  WRAP_APP: (received: unknown) => `\`wrap(app, layer)\` takes an Express app, received ${show(received)}.`,
} satisfies Record<string, (...details: never[]) => string>;

function noGenerator(received: unknown): string {
  return cure(received, ['generator', 'The code of a generator would never run. Pass an async function.']);
}

function outside(fn: string): string {
  return (
    `\`${fn}()\` was called without a layer around its request. ` +
    'Mount one before it: `app.use(toExpress(layer))`, `wrap(app, layer)` or `app.use(toKoa(layer))`. ' +
    `Pass \`req\` on Express, \`ctx\` on Koa.`
  );
}
