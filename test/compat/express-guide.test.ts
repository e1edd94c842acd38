import type http from 'node:http';
import { toExpress, wrap } from 'callnext/express';
import express5 from 'express';
import { featuresOf } from './express-features/index.js';
import { expectSame, type Feature, layerOf, type Mode, modes, type Played, play } from './features.js';

const express4 = require('express4') as typeof express5;
type App = express5.Express;

describe.each([
  ['Express 5', express5, 5],
  ['Express 4', express4, 4],
])('a feature of the documentation of %s', (_name, express, major) => {
  const builders: [how: string, build: Build][] = [
    [
      'mounted',
      (app, { prepare, build }, mode, log) => {
        prepare?.(app);
        // Express 4 sets `x-powered-by` only if there is middleware.
        app.use(mode ? toExpress(layerOf(mode)) : (_req, _res, next) => next());
        build(app, entry => log.push(String(entry)));
        return app;
      },
    ],
    [
      'around the app',
      (app, { prepare, build }, mode, log) => {
        prepare?.(app);
        build(app, entry => log.push(String(entry)));
        return (mode ? wrap(app as never, layerOf(mode)) : app) as http.RequestListener;
      },
    ],
  ];

  const playOn = (feature: Feature<App>, build: Build, mode?: Mode): Promise<Played> => {
    const app = express();
    app.set('env', 'test');
    const log: string[] = [];
    jest
      .spyOn(console, 'error')
      .mockImplementation(text => void log.push(`logged ${String(text).trim().split('\n')[0]}`));
    return play(build(app, feature, mode, log) as http.RequestListener, log, feature.asks);
  };

  // Some features are deprecated; without a listener, depd would write that to stderr.
  beforeAll(() => void process.on('deprecation', ignore));
  afterAll(() => void process.off('deprecation', ignore));
  afterEach(() => jest.restoreAllMocks());

  describe.each(builders)('below a layer that is %s', (_how, build) => {
    it.each(featuresOf(express, major).map(feature => [feature.title, feature] as const))(
      '%s',
      async (_title, feature) => {
        const bare = await playOn(feature, build);
        expect(bare.answers.filter(({ connection }) => connection === 'silent')).toEqual([]);
        for (const mode of modes)
          expectSame(bare, await playOn(feature, build, mode), mode, feature as never);
      },
    );
  });
});

const ignore = (): void => undefined;
type Build = (app: App, feature: Feature<App>, mode: Mode | undefined, log: string[]) => unknown;
