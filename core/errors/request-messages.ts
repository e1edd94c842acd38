import { cure } from './setup-messages.js';
import { show } from './show.js';

/** What is said of mistakes that show while requests are answered. */
export const requestMessages = {
  ALREADY_ANSWERED: () =>
    'The request was answered further out, by a timeout or a middleware that did not wait, so nothing below runs any more. Call `callNext` earlier.',
  APP_INSIDE_APP: () =>
    'A layer of `toKoa()` was reached by a request that a layer of another app is around already: an app of Koa that is called inside another app has a context of its own. Mount it with koa-mount, or give a layer to one of the two apps only.',
  BACKGROUND_TASK: (received: unknown) =>
    `A background task is a function with its arguments after it, or a BackgroundTask that runs on 'success' or 'always'; received ${show(received)}.${noGenerator(received)}`,
  BODY_CHUNK: (received: unknown) =>
    `A streamed body produced ${show(received)}. Its chunks are strings or bytes.`,
  BODY_CONSUMED: (what: string) =>
    `The body of the ${what} was already consumed as a stream and can not be read again. Read it once, or by \`text()\`, \`json()\` or \`arrayBuffer()\`, which keep it.`,
  BODY_LIMIT: (limit: number) =>
    `A request has more of a body than the ${limit} bytes that \`bodyLimit()\` lets come. Raise its \`maxBodySize\`, or put another \`bodyLimit()\` around what takes more: the innermost one holds.`,
  BODY_NOT_ALLOWED: (method: string) =>
    `A ${method} request has no body. Give \`new Request(request, { method, body })\` a method that has one, or leave \`body\` out.`,
  BODY_PARSED: (reader: string, parser: string, cure: string) =>
    `\`request.${reader}\` comes too late: ${parser} has consumed the bytes, and what it has made of them is not the same. Mount the layer before the parser, or keep the bytes: ${cure}.`,
  BODY_TOO_LARGE: (limit: number) =>
    `A request body is larger than the ${limit} bytes that its readers may hold in memory. Raise \`new Layer({ maxBodySize })\`, or read it once as a stream, by \`request.body\` or \`request.form()\`.`,
  BODY_UNCLOSED: (patience: number) =>
    `The body of a response has not closed within ${patience} ms since its client left or another response took its place, so its dependencies exit now. Let what it waits for listen to \`request.signal\`, and its \`cancel()\` or \`finally\` come to an end.`,
  CALL_NEXT_LATE: (middleware: string) =>
    `The middleware \`${middleware}\` called \`callNext\` after it had returned. Call it before, and await it.`,
  CALL_NEXT_NOT_AWAITED: (middleware: string) =>
    `The middleware \`${middleware}\` threw a TypeError before the response of \`callNext\` was there. Await it: \`const response = await callNext(request)\`.`,
  CALL_NEXT_TWICE: (middleware: string) =>
    `The middleware \`${middleware}\` called \`callNext\` twice. Keep the response of the first call; what is below runs once a request.`,
  ERROR_BOUNDARY: (received: unknown) =>
    `\`errorBoundary()\` takes the Layer whose errors it catches, received ${show(received)}. Give a middleware a layer: \`new Layer({ middleware: [it] })\`.`,
  ERROR_PAGE_UNENDED: (patience: number) =>
    `An error page was begun in place of an answer that had failed, and was neither continued nor ended for ${patience} ms, so its connection was cut. End the response in the error middleware, in the async context in which Express calls it.`,
  EXCEPTION_KEY: (received: unknown) =>
    `An exception handler is registered for an error class or a status from 200 to 599, received ${show(received)}.`,
  CONTENT_LENGTH: (declared: number, produced: number) =>
    `The streamed body declared \`content-length: ${declared}\` and produced ${produced} bytes${produced > declared ? ' or more' : ''}. Leave the header out, and the body is sent in chunks.`,
  CONTENT_TYPE: (received: string) =>
    `\`request.json()\` reads bodies of the types \`application/json\` and \`application/*+json\`, and this one ${received}. Read it by \`request.text()\`, or let \`json()\` read any type: \`new Layer({ strictContentType: false })\`.`,
  COOKIE: (name: string, reason: string) =>
    `The cookie ${JSON.stringify(name)} can not be set: ${reason}. Its name is a token and its attributes are those of RFC 6265.`,
  DEPENDENCY_CYCLE: (path: string) => `The dependencies form a cycle: ${path}. Break it at one of them.`,
  DEPENDENCY_DISPOSE: (dependency: string, received: unknown) =>
    received === true
      ? `\`Depends(${dependency}, { dispose: true })\`: the exit of a generator is the code after its \`yield\`. Dispose there, and leave \`dispose\` out.`
      : `The option \`dispose\` of \`Depends(${dependency})\` is a boolean, received ${show(received)}.`,
  DEPENDENCY_EXITED: (dependency: string) =>
    `\`inject()\` of \`${dependency}\` came when the request had failed and \`${dependency}\` had exited with the error. Inject it before the layer gets the error, or open one that does not belong to the request.`,
  DEPENDENCY_NAME: (name: string, owner: string) =>
    `\`${owner}\` declares a dependency named \`${name}\`, which is the name of an injected object. Name it differently.`,
  DEPENDENCY_SCOPE: (path: string, scope: string, needed: string) =>
    `\`${path}\`: a dependency of scope "${scope}" can not need one of scope "${needed}", which exits before it. Give it the scope "${needed}" too, or widen the inner one.`,
  DEPENDS_EXPECTED: (name: string, owner: string, received: unknown) =>
    owner === 'inject'
      ? `\`inject()\` takes a \`Depends(…)\`, or an object of them, as its second argument; received ${show(received)}. Wrap it: \`inject(req, Depends(…))\`, \`inject(req, { db: Depends(…) })\`.`
      : owner === 'layer'
        ? `\`new Layer({ dependencies })\` takes a list of \`Depends(…)\`, received ${show(received)}. Wrap it: \`[Depends(…)]\`.`
        : `\`${owner}\` declares \`${name}\` as ${show(received)}. Wrap it: ` +
          (isSchemaLike(received) ? `\`${name}: Query(…)\`, \`Body(…)\`.` : `\`${name}: Depends(…)\`.`),
  EXCEPTION_HANDLER: (received: unknown) =>
    `An exception handler is a function (request, exception) => response, received ${show(received)}.`,
  EXCEPTION_SWALLOWED: (dependency: string) =>
    `The dependency \`${dependency}\` caught the exception at its \`yield\` and did not throw. A failed request can not be made to succeed there: throw the exception again, or another one.`,
  FETCH_HANDLER: (received: unknown) =>
    `\`mountFetch()\` takes a function (request) => response of Fetch, received ${show(received)}. Pass \`app.fetch\` or \`auth.handler\` itself.`,
  FILE: (path: string, reason: string) =>
    `The file of a FileResponse, ${JSON.stringify(path)}, ${reason}. Check the path before, and answer with an HTTPException(404) where it may be missing.`,
  FORM_FILE: (path: string, reason: string) =>
    `A file of \`request.form()\` could not be written to ${JSON.stringify(path)}: ${reason}. Make room there, or set TMPDIR to a folder that has more.`,
  FORM_LATE: () =>
    '`request.form()` came, or was still reading, when its request was over: its files would stay on disk. Await it in the endpoint, or in a background task.',
  FORM_OPTIONS: (option: string, received: unknown) =>
    `The option \`${option}\` of \`request.form()\` is a number of at least 0, received ${show(received)}.`,
  FROM_NATIVE: (adapter: string, expected: string, received: unknown) =>
    `\`${adapter}()\` ${expected}, received ${show(received)}.`,
  GENERATOR_NEVER_YIELDED: (dependency: string) =>
    `The dependency \`${dependency}\` is a generator that returned without a \`yield\`. Yield its value once.`,
  GENERATOR_NOT_ENTERED: (dependency: string, isCompiled: boolean) =>
    isCompiled
      ? `The dependency \`${dependency}\` was a generator function before it was compiled for a target that has none, and can not be told from a plain function now. Compile for ES2018 or newer.`
      : `The dependency \`${dependency}\` is a plain function that returned a generator, and nobody is given it here, so that its code would never run. Pass the generator function itself, or make it one: \`async function* () { yield* … }\`.`,
  GENERATOR_YIELDED_TWICE: (dependency: string) =>
    `The dependency \`${dependency}\` yielded a second time. Yield once; what follows the \`yield\` is its exit code.`,
  HEADER_NAME: (name: string) => `The header name ${JSON.stringify(name)} is not a token (RFC 9110, 5.1).`,
  HEADER_VALUE: (name: string) =>
    `The value of the header \`${name}\` holds a line break or another character that is not allowed in a header (RFC 9110, 5.5). Encode it first.`,
  HEADERS_SENT: (action: string) =>
    `Cannot ${action}: the response has been sent. Change it before the outermost middleware returns.`,
  INJECT_BLOCK: (received: unknown) =>
    `\`inject()\` takes a function as its third argument, with dependencies by name before it; received ${show(received)}.${noGenerator(received)} Call \`inject(req, { db: Depends(getDb) }, async ({ db }) => …)\`.`,
  INJECT_LATE: (dependency: string) =>
    `\`inject()\` of \`${dependency}\` came when the response was over and the dependencies had exited. Inject before the response is complete.`,
  INJECT_OUTSIDE: () =>
    'There is no layer around the code that called `inject()`. Mount one before it: `app.use(toExpress(layer))`, `wrap(app, layer)` or `app.use(toKoa(layer))`; and give it `req` on Express, `ctx` on Koa.',
  INJECT_USED_LATE: (route: string, dependency: string) =>
    `The handler of \`${route}\` wrote to its response after \`${dependency}\`, of scope "function", had exited. Use the dependency in a block, which the exit waits for: \`await inject(req, { value: Depends(${dependency}) }, async ({ value }) => …)\`; or give it the scope "request".`,
  INVALID_SCOPE: (received: unknown) =>
    `A dependency scope is "function", "request" or "background", received ${show(received)}.`,
  LAYER_CLOSED: () =>
    'The layer has been closed by `layer.close()` and takes nothing new. Close it when the server takes no requests any more; make a new layer to begin again.',
  LAYER_FROZEN: (method: string) =>
    `\`layer.${method}\` came after the first request: a layer is frozen then. Call it while the app is set up.`,
  LAYER_TIMEOUT: (timeout: number) =>
    `A layer has not answered within its \`timeout\` of ${timeout} ms: one of its middlewares, or what is below it, does not come to an end. Listen to \`request.signal\`, which is aborted now.`,
  MIDDLEWARE_MISSING: (property: string, middleware: string) =>
    `\`${property}\` is there below the middleware \`${middleware}()\` only. Add it: \`layer.addMiddleware(${middleware}({ … }))\`.`,
  MIDDLEWARE_OPTIONS: (middleware: string, option: string, expected: string, received: unknown) =>
    `The option \`${option}\` of \`${middleware}()\` is ${expected}, received ${show(received)}.`,
  MIDDLEWARE_TIMEOUT: (timeout: number) =>
    `What is below \`timeout()\` has not answered within ${timeout} ms. Listen to \`request.signal\`, which is aborted now, or raise \`timeoutMs\`.`,
  NOT_DISPOSABLE: (dependency: string, received: unknown) =>
    `The dependency \`${dependency}\` is declared with \`dispose: true\`, and its value, ${show(received)}, has neither \`Symbol.asyncDispose\` nor \`Symbol.dispose\`. Return one that has, or leave \`dispose\` out.`,
  NOT_A_RESPONSE: (what: string, received: unknown) =>
    `${what} returned ${show(received)}, which is not a response. ${typeof received === 'function' ? 'Call the function.' : 'Return the response of `callNext`, a Response of callnext, or a Fetch Response.'}`,
  NOT_SERIALIZABLE: (received: unknown, place?: string) =>
    `${show(received)} cannot be written as JSON${place === undefined ? '' : `: ${place}`}.${
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
    `After ${timeout} ms the requests of a TestClient are not through: ${left}. Something waits for ever, or raise \`timeoutMs\`.`,
  NOTHING_RETURNED: (middleware: string, called: boolean) =>
    called
      ? `The middleware \`${middleware}\` returned nothing. It must return the response: \`const response = await callNext(request); return response;\`.`
      : `The middleware \`${middleware}\` returned nothing and did not call \`callNext\`. Return the response of \`callNext(request)\`, or a response of its own.`,
  OTHER_VERSION: (theirs: unknown, ours: string) =>
    `callnext ${ours} has come to a request that callnext ${theirs ?? 'of an earlier version'} has begun, and the two cannot share it. Install one version; \`npm ls callnext\` shows who brings the other.`,
  PARAM_SCHEMA: (title: string, name: string, thrown: unknown) =>
    `The schema of \`${title}\` for \`${name}\` ` +
    (thrown === undefined ? 'returned neither a value nor issues. ' : `threw ${show(thrown)}. `) +
    'A schema returns issues for a value that it refuses; see the `cause`.',
  PARAM_UNKNOWN: (owner: string, name: string, route: string | undefined, known: readonly string[]) =>
    `\`${owner}\` declares the path parameter \`${name}\`, and the path ` +
    `${route === undefined ? 'of the request' : `\`${route}\``} has ${pathNames(known)}. ` +
    `Name it as the path does: \`Path(schema, { alias: '${known[0] ?? name}' })\`.`,
  REQUEST_EXPECTED: (received: unknown) =>
    `\`callNext\` takes a request or nothing, received ${show(received)}.`,
  RESPONSE_CLASS: (endpoint: string, received: unknown) =>
    `The \`responseClass\` of the endpoint \`${endpoint}\` must be a response class of callnext, such as \`HTMLResponse\` or \`EventSourceResponse\`; received ${show(received)}.`,
  RESPONSE_CLASS_WHOLE: (responseClass: string, endpoint: string) =>
    `The endpoint \`${endpoint}\` is a generator, and its \`responseClass\` \`${responseClass}\` does not stream. Use \`StreamingResponse\` or \`EventSourceResponse\`, or leave \`responseClass\` out to stream JSON Lines.`,
  RESPONSE_MODEL: (endpoint: string, received: unknown, isGenerator: boolean) =>
    isGenerator
      ? `The endpoint \`${endpoint}\` is a generator, whose values are sent as they come, and cannot have ` +
        'a `responseModel`. Validate each value before you yield it.'
      : `The \`responseModel\` of the endpoint \`${endpoint}\` must be a schema of Zod, Valibot, ArkType ` +
        `or another library of Standard Schema, received ${show(received)}.`,
  RESPONSE_REUSED: () =>
    'This Response object has already answered another request. Create a new one for each request.',
  RESPONSE_STARTED: () =>
    'An endpoint was reached after native code had begun to answer the request. Its response is not sent.',
  SESSION_LATE: (name: string) =>
    `\`request.session\` was changed at ${JSON.stringify(name)} when its cookie had been set. Change it before the middleware \`sessions()\` has the response, not in a stream, a background task or the exit of scope "request".`,
  SESSION_TOO_LARGE: (cookie: string, size: number) =>
    `The session cookie \`${cookie}\` would have ${size} bytes, and browsers drop one of more than 4096. Keep less in \`request.session\`, such as a key to what is stored elsewhere.`,
  SERVER_SENT_EVENT: (reason: string) =>
    `A ServerSentEvent can not be written: ${reason}. Its \`event\` and \`id\` are one line each, \`retry\` is a whole number of milliseconds, and it has \`data\` or \`rawData\`.`,
  STATUS: (received: unknown) =>
    `A response status is a whole number from 200 to 599, received ${show(received)}.`,
  STREAM_RETURNED: (endpoint: string, received: unknown) =>
    `The endpoint \`${endpoint}\` is a generator that yielded nothing and returned ${show(received)}, which is not sent. Yield what is to be sent, or return it from a function that is not a generator.`,
  STREAM_VALUE: (endpoint: string, stream: string | undefined, received: unknown) =>
    stream === undefined
      ? `The endpoint \`${endpoint}\` is a generator and yielded ${show(received)}, which is a response. Return a response from a function that is not a generator.`
      : `The endpoint \`${endpoint}\` streams ${stream}, as its first value says, and yielded ${show(received)}. Yield values of one kind: plain data, \`ServerSentEvent\`s, or text or bytes.`,
  TASK_DROPPED: (task: string) =>
    `The background task \`${task}\` was dropped because its request failed. Add it with \`{ when: 'always' }\` to run it all the same.`,
  TASK_LATE: (task: string) =>
    `\`addTask()\` of \`${task}\` came when its request was over and its tasks had run. Add it before, or call the function itself.`,
  TASK_OUTSIDE: () =>
    'There is no layer around the code that called `backgroundTasks()`. Mount one before it: `app.use(toExpress(layer))`, `wrap(app, layer)` or `app.use(toKoa(layer))`; and give it `req` on Express, `ctx` on Koa.',
  TEST_TARGET: (received: unknown) =>
    `\`new TestClient()\` takes an Express app, a Koa app, a listener of requests, a server of Node, an endpoint or a Layer; received ${show(received)}.`,
  TASK_UNDONE: (task: string) =>
    `The background task \`${task}\` was dropped because its layer was closed and its time was up. Give \`layer.close()\` a longer \`timeoutMs\`.`,
  WRAP_APP: (received: unknown) => `\`wrap(app, layer)\` takes an Express app, received ${show(received)}.`,
} satisfies Record<string, (...details: never[]) => string>;

function pathNames(known: readonly string[]): string {
  return known.length === 0 ? 'no parameters' : known.map(name => `\`${name}\``).join(', ');
}

/** A schema of Standard Schema, without a parameter around it. */
function isSchemaLike(received: unknown): boolean {
  return (typeof received === 'object' || typeof received === 'function') && '~standard' in (received ?? {});
}

function noGenerator(received: unknown): string {
  return cure(received, ['generator', 'Nothing would run the code of a generator. Pass an async function.']);
}
