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
    'StreamingResponse',
    'dependency',
    'endpoint',
    'fillHeaders',
  ];
  const adapterAuthors = [
    'Body',
    'Exchange',
    'answerEndpoint',
    'asThrown',
    'checkedChunk',
    'contentToSend',
    'freeze',
    'injectInto',
    'isBodyless',
    'isDepends',
    'isEndpoint',
    'isLayer',
    'isOurRequest',
    'matchRoute',
    'misuse',
    'partsOf',
    'responseView',
    'runExchange',
    'runLayer',
    'toError',
  ];
  expect(Object.keys(core).sort()).toEqual([...users, ...adapterAuthors].sort());
});

it('exports from each framework entry what an app mounts and calls', () => {
  expect(Object.keys(expressEntry).sort()).toEqual(['errorBoundary', 'inject', 'toExpress', 'wrap']);
  expect(Object.keys(koaEntry).sort()).toEqual(['inject', 'toKoa']);
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
    'declaredLength',
    'inject',
    'injectAt',
    'openBare',
    'runAround',
    'toLayer',
    'toNode',
  ]);
});

it('has no runtime dependency, and the frameworks as optional peers', () => {
  expect(manifest).not.toHaveProperty('dependencies');
  expect(manifest.peerDependencies).toEqual({ express: '^4.18 || ^5', koa: '^2.15 || ^3' });
  expect(manifest.peerDependenciesMeta).toEqual({ express: { optional: true }, koa: { optional: true } });
});
