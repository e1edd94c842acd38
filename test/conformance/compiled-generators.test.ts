import { Depends, dependency, endpoint, type Injected, Layer } from 'callnext';
import { EventLog } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

const swc = require('@swc/core') as {
  transformSync(source: string, options: object): { code: string };
};

const source = `
exports.async = async function* getDb({ request }) { log(request.method); try { yield 1; } finally { log('exit'); } };
async function* declared() { log('runs'); yield 1; }
exports.declared = declared;
exports.method = { async *getDb() { log('runs'); yield 1; } }.getDb;
`;
const sync = `exports.sync = function* getDb() { log('runs'); yield 1; };`;

/** The output of TypeScript 7 for ES2017. */
const ofTypeScript = `
var __await = function (v) { return this instanceof __await ? (this.v = v, this) : new __await(v); }
var __asyncGenerator = function (thisArg, _arguments, generator) {
    var g = generator.apply(thisArg, _arguments || []), i, q = [];
    return i = Object.create((typeof AsyncIterator === "function" ? AsyncIterator : Object).prototype), verb("next"), verb("throw"), verb("return", awaitReturn), i[Symbol.asyncIterator] = function () { return this; }, i;
    function awaitReturn(f) { return function (v) { return Promise.resolve(v).then(f, reject); }; }
    function verb(n, f) { if (g[n]) { i[n] = function (v) { return new Promise(function (a, b) { q.push([n, v, a, b]) > 1 || resume(n, v); }); }; if (f) i[n] = f(i[n]); } }
    function resume(n, v) { try { step(g[n](v)); } catch (e) { settle(q[0][3], e); } }
    function step(r) { r.value instanceof __await ? Promise.resolve(r.value.v).then(fulfill, reject) : settle(q[0][2], r); }
    function fulfill(value) { resume("next", value); }
    function reject(value) { resume("throw", value); }
    function settle(f, v) { if (f(v), q.shift(), q.length) resume(q[0][0], q[0][1]); }
};
exports.async = function getDb(_a) { return __asyncGenerator(this, arguments, function* getDb_1({ request }) {
    log(request.method);
    try { yield yield __await(1); } finally { log('exit'); }
}); }
`;

type Made = (context: Injected) => unknown;

function evaluate(code: string, log: (event: string) => void): [string, Made][] {
  const exports: Record<string, Made> = {};
  new Function('exports', 'log', code)(exports, log);
  return Object.entries(exports);
}

function compiled(target: string, isMinified: boolean): string {
  const minify = isMinified ? { compress: true, mangle: { toplevel: true } } : false;
  return swc.transformSync(target === 'es5' ? source + sync : source, {
    jsc: { parser: { syntax: 'ecmascript' }, target, minify: minify || undefined },
    minify: isMinified,
  }).code;
}

const log = new EventLog();
const functions: [string, Made][] = [
  ['TypeScript for ES2017', ofTypeScript],
  ['SWC for ES2017', compiled('es2017', false)],
  ['SWC for ES2017, minified', compiled('es2017', true)],
  ['SWC for ES5', compiled('es5', false)],
  ['SWC for ES5, minified', compiled('es5', true)],
].flatMap(([by, code]) =>
  evaluate(code as string, log.add).map(([what, made]): [string, Made] => [`${what}, by ${by}`, made]),
);

describe.each(frameworks)('a generator function that was compiled away on $name', ({ app }) => {
  beforeEach(() => {
    log.events.length = 0;
  });

  it.each(functions)('is rejected and lets nothing pass: %s', async (_what, made) => {
    for (const marker of [Depends(made), Depends(dependency({}, made))]) {
      const layer = new Layer({ dependencies: [marker], onError: () => undefined });
      layer.addExceptionHandler(Error, (_request, error) => Response.json(error, { status: 500 }));
      const read = endpoint({ marker }, () => log.add('endpoint'));
      for (const mounted of [
        app()
          .use(layer)
          .handler('/', answer => answer.send('native')),
        app().at('/', read),
      ]) {
        await listening(mounted.listener(), async url => {
          const response = await fetch(url);
          expect(response.status).toBe(500);
        });
      }
      await expect(layer.run({ marker }, () => 1)).rejects.toMatchObject({
        code: 'GENERATOR_NOT_ENTERED',
        message: expect.stringMatching(
          /^The dependency `.*` was compiled from a generator function .* ES2018 or newer\.$/,
        ),
      });
    }
    expect(log.events).toEqual([]);
  });

  it('is rejected too when a plain function returns it to a guard', async () => {
    async function* verify() {
      log.add('verified');
      yield;
    }
    const layer = new Layer({ dependencies: [Depends(() => verify())], onError: () => undefined });
    let seen: unknown;
    layer.addExceptionHandler(Error, (_request, error) => {
      seen = error;
      return Response.json('sorry', { status: 500 });
    });
    const mounted = app()
      .use(layer)
      .handler('/', answer => answer.send('native'));
    await listening(mounted.listener(), async url => {
      expect((await fetch(url)).status).toBe(500);
    });
    expect(seen).toMatchObject({ code: 'GENERATOR_NOT_ENTERED' });
  });

  it('is rejected too when a mock of one replaces a generator', async () => {
    async function* getDb() {
      yield 'db';
    }
    const layer = new Layer({ onError: () => undefined });
    layer.dependencyOverrides.set(getDb, jest.fn(getDb));
    const work = layer.run({ db: Depends(getDb) }, ({ db }) => log.add(String(db)));
    await expect(work).rejects.toMatchObject({ code: 'GENERATOR_NOT_ENTERED' });
    layer.dependencyOverrides.set(getDb, async function* () {
      yield* jest.fn(getDb)();
    });
    await layer.run({ db: Depends(getDb) }, ({ db }) => log.add(String(db)));
    expect(log.events).toEqual(['db']);
  });
});
