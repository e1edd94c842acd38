import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as core from 'callnext';
import * as adapter from 'callnext/adapter';
import * as expressEntry from 'callnext/express';
import * as inspectorEntry from 'callnext/inspector';
import * as koaEntry from 'callnext/koa';
import * as nodeEntry from 'callnext/node';
import * as openapi from 'callnext/openapi';
import * as opentelemetry from 'callnext/opentelemetry';
import * as params from 'callnext/params';
import * as security from 'callnext/security';
import * as tasks from 'callnext/tasks';
import * as bullmq from 'callnext/tasks/bullmq';
import * as pgBoss from 'callnext/tasks/pg-boss';
import * as testing from 'callnext/testing';
import * as tracing from 'callnext/tracing';
import manifest from '../../package.json' with { type: 'json' };

it('exports from `callnext` exactly what users need', () => {
  expect(Object.keys(core).sort()).toEqual([
    'BackgroundTask',
    'BackgroundTasks',
    'CallnextError',
    'ClientDisconnect',
    'Depends',
    'EventSourceResponse',
    'FileResponse',
    'HTMLResponse',
    'HTTPException',
    'Headers',
    'InjectedResponse',
    'JSONResponse',
    'Layer',
    'PlainTextResponse',
    'RedirectResponse',
    'Request',
    'Response',
    'ServerSentEvent',
    'StreamingResponse',
    'UploadFile',
    'dependency',
    'endpoint',
  ]);
});

it('exports from `callnext/adapter` exactly what an adapter needs of the core', () => {
  expect(Object.keys(adapter).sort()).toEqual([
    'BackgroundTasks',
    'Body',
    'ClientDisconnect',
    'Depends',
    'EventSourceResponse',
    'Exchange',
    'HTMLResponse',
    'HTTPException',
    'Headers',
    'KeptBytes',
    'Layer',
    'MatchedRoute',
    'PlainTextResponse',
    'RepeatedWait',
    'Request',
    'Response',
    'ServerSentEvent',
    'UploadFile',
    'adapterOf',
    'addToVary',
    'answerEndpoint',
    'answerUnhandled',
    'areCopiedFrom',
    'asThrown',
    'bodyOf',
    'bytesOf',
    'changedBody',
    'checkOption',
    'checkOptions',
    'checkOverride',
    'checkedChunk',
    'classOf',
    'contentToSend',
    'contentTooLarge',
    'cookieLine',
    'cookieValues',
    'defaultMaxBodySize',
    'described',
    'detach',
    'discard',
    'endpoint',
    'errorHeadersOf',
    'failLate',
    'fillHeaders',
    'flag',
    'followTarget',
    'formErrors',
    'freeze',
    'goOnWithoutFailure',
    'goesOn',
    'hasInjected',
    'hasStores',
    'headOf',
    'holdsInjected',
    'inContext',
    'injectInto',
    'integer',
    'isAnswering',
    'isBodyless',
    'isClass',
    'isClosedInTime',
    'isEndpoint',
    'isExpected',
    'isHolding',
    'isInside',
    'isLayer',
    'isLeftBehind',
    'isMarker',
    'isMisuse',
    'isNativeView',
    'isResponseLike',
    'isToken',
    'layerAlone',
    'list',
    'madeBy',
    'markFactory',
    'matchRoute',
    'misuse',
    'misuseWith',
    'mountedIn',
    'moveResponse',
    'noOptions',
    'noteMount',
    'observeFailure',
    'openedBodyOf',
    'optionsOf',
    'overtakeAnswer',
    'parseJSON',
    'readOptions',
    'responseOver',
    'runExchange',
    'runLayer',
    'searchOf',
    'serialize',
    'sharedOf',
    'subscribe',
    'toError',
    'tooLarge',
    'unescapedName',
    'unfinishedTasks',
    'whenOver',
    'whenQueuesIdle',
    'within',
  ]);
});

it('exports from each framework entry what an app mounts and calls', () => {
  expect(Object.keys(expressEntry).sort()).toEqual([
    'backgroundTasks',
    'errorBoundary',
    'fromExpress',
    'inject',
    'keepRawBody',
    'mountFetch',
    'toExpress',
    'wrap',
  ]);
  expect(Object.keys(koaEntry).sort()).toEqual([
    'backgroundTasks',
    'errorBoundary',
    'fromKoa',
    'inject',
    'mountFetch',
    'toKoa',
  ]);
});

it('exports from `callnext/node` the listener and what a native handler calls', () => {
  expect(Object.keys(nodeEntry).sort()).toEqual(['backgroundTasks', 'fetchEndpoint', 'inject', 'toNode']);
});

it('exports from `callnext/testing` what a test needs', () => {
  expect(Object.keys(testing).sort()).toEqual(['CookieJar', 'TestClient', 'override']);
});

it('exports from `callnext/tasks/…` one queue per engine', () => {
  expect(Object.keys(pgBoss)).toEqual(['pgBossQueue']);
  expect(Object.keys(bullmq)).toEqual(['bullmqQueue']);
});

it('exports from `callnext/params` what declares parameters, and their errors', () => {
  expect(Object.keys(params).sort()).toEqual([
    'Body',
    'Cookie',
    'File',
    'Form',
    'Header',
    'Path',
    'Query',
    'RequestValidationError',
    'ResponseValidationError',
  ]);
});

it('exports from `callnext/openapi` the document and the docs pages', () => {
  expect(Object.keys(openapi).sort()).toEqual([
    'describe',
    'openapi',
    'redoc',
    'scalar',
    'swaggerUi',
    'swaggerUiOAuth2Redirect',
  ]);
});

it('exports from `callnext/opentelemetry` one instrumentation', () => {
  expect(Object.keys(opentelemetry).sort()).toEqual(['CallnextInstrumentation', 'callnextInstrumentation']);
});

it('exports from `callnext/tracing` one way to subscribe', () => {
  expect(Object.keys(tracing)).toEqual(['subscribe']);
});

it('exports from `callnext/inspector` the inspector', () => {
  expect(Object.keys(inspectorEntry)).toEqual(['inspector']);
});

it('exports from `callnext/security` the security classes of FastAPI', () => {
  expect(Object.keys(security).sort()).toEqual([
    'APIKeyCookie',
    'APIKeyHeader',
    'APIKeyQuery',
    'HTTPBasic',
    'HTTPBearer',
    'HTTPDigest',
    'OAuth2AuthorizationCodeBearer',
    'OAuth2PasswordBearer',
    'OAuth2PasswordRequestForm',
    'OAuth2PasswordRequestFormStrict',
    'OpenIdConnect',
    'Scheme',
    'Security',
    'SecurityScopes',
  ]);
});

it('exports from `callnext/tasks` durable tasks and the queues that need no engine', () => {
  expect(Object.keys(tasks).sort()).toEqual([
    'TaskRefused',
    'collectingQueue',
    'memoryQueue',
    'outbox',
    'runWorker',
    'task',
  ]);
});

it('exports each built-in middleware from an entry of its own', () => {
  const exported: Record<string, string[]> = {
    authentication: [
      'AuthCredentials',
      'AuthenticationError',
      'SimpleUser',
      'UnauthenticatedUser',
      'authentication',
      'requires',
    ],
    'body-limit': ['bodyLimit'],
    cors: ['cors'],
    gzip: ['gzip'],
    'https-redirect': ['httpsRedirect'],
    'process-time': ['processTime'],
    'rate-limit': ['rateLimit'],
    'request-id': ['requestId'],
    'server-timing': ['serverTiming'],
    sessions: ['session', 'sessions'],
    timeout: ['timeout'],
    'trusted-host': ['trustedHost'],
  };
  const entries = Object.keys(manifest.exports).filter(entry => entry.startsWith('./middleware/'));
  expect(entries).toEqual(Object.keys(exported).map(name => `./middleware/${name}`));
  for (const [name, keys] of Object.entries(exported)) {
    expect(Object.keys(require(`callnext/middleware/${name}`)).sort()).toEqual(keys);
    const { import: esm, require: cjs } = manifest.exports[`./middleware/${name}` as './middleware/cors'];
    expect([esm.default, cjs.default]).toEqual([
      cjs.default.replace('/cjs/', '/esm/'),
      esm.default.replace('/esm/', '/cjs/'),
    ]);
  }
});

it('depends only on packages that docs/decisions justify, with optional peers', () => {
  expect(Object.keys(manifest.dependencies).sort()).toEqual([
    '@fastify/busboy',
    'content-disposition',
    'cookie',
    'fresh',
    'keygrip',
    'mrmime',
    'negotiator',
    'range-parser',
  ]);
  const page = readFileSync(path.join(__dirname, '../../docs/decisions/005-what-is-depended-on.md'), 'utf8');
  for (const name of Object.keys(manifest.dependencies)) expect(page).toContain(`\`${name}\``);
  expect(manifest.peerDependencies).toEqual({
    '@opentelemetry/api': '^1.9',
    express: '^4.18 || ^5',
    koa: '^2.15 || ^3',
  });
  const optional = { optional: true };
  expect(manifest.peerDependenciesMeta).toEqual({
    '@opentelemetry/api': optional,
    express: optional,
    koa: optional,
  });
});
