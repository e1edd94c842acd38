import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as core from 'callnext';
import * as expressEntry from 'callnext/express';
import * as koaEntry from 'callnext/koa';
import * as nodeEntry from 'callnext/node';
import manifest from '../../package.json' with { type: 'json' };

it('exports from `callnext` what users need, and the port for those who write an adapter', () => {
  const users = [
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
    'fillHeaders',
  ];
  const adapterAuthors = [
    'Body',
    'Exchange',
    'answerEndpoint',
    'asThrown',
    'bytesOf',
    'changedBody',
    'checkedChunk',
    'contentToSend',
    'defaultMaxBodySize',
    'formErrors',
    'freeze',
    'injectInto',
    'isBodyless',
    'isDepends',
    'isEndpoint',
    'isLayer',
    'isOurRequest',
    'isResponseLike',
    'matchRoute',
    'misuse',
    'parseJSON',
    'partsOf',
    'responseView',
    'runExchange',
    'runLayer',
    'toError',
    'tooLarge',
  ];
  expect(Object.keys(core).sort()).toEqual([...users, ...adapterAuthors].sort());
});

it('exports from each framework entry what an app mounts and calls', () => {
  expect(Object.keys(expressEntry).sort()).toEqual([
    'errorBoundary',
    'inject',
    'keepRawBody',
    'mountFetch',
    'toExpress',
    'wrap',
  ]);
  expect(Object.keys(koaEntry).sort()).toEqual(['inject', 'mountFetch', 'toKoa']);
});

it('exports from `callnext/node` the listener, and what the framework adapters are made of', () => {
  expect(Object.keys(nodeEntry).sort()).toEqual([
    'BodyProducer',
    'Frame',
    'HeaderSnapshot',
    'HeldResponse',
    'NativeExchange',
    'NodeRequestSource',
    'ResponseEnd',
    'absoluteUrl',
    'answerAlone',
    'applyChanges',
    'bareLayer',
    'clientOf',
    'declaredLength',
    'fetchEndpoint',
    'goesInto',
    'inject',
    'injectAt',
    'openBare',
    'parsedBodyOf',
    'runAround',
    'toLayer',
    'toNode',
  ]);
});

it('has the runtime dependencies that docs/decisions give reasons for, and the frameworks as optional peers', () => {
  expect(Object.keys(manifest.dependencies).sort()).toEqual([
    '@fastify/busboy',
    'content-disposition',
    'cookie',
    'fresh',
    'mrmime',
    'range-parser',
  ]);
  const page = readFileSync(path.join(__dirname, '../../docs/decisions/005-what-is-depended-on.md'), 'utf8');
  for (const name of Object.keys(manifest.dependencies)) expect(page).toContain(`\`${name}\``);
  expect(manifest.peerDependencies).toEqual({ express: '^4.18 || ^5', koa: '^2.15 || ^3' });
  expect(manifest.peerDependenciesMeta).toEqual({ express: { optional: true }, koa: { optional: true } });
});
