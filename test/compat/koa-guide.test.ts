import { toKoa } from 'callnext/koa';
import Koa3 from 'koa';
import { expectSame, type Feature, layerOf, type Mode, modes, type Played, play } from './features.js';
import { featuresOf } from './koa-features.js';

const Koa2 = require('koa2') as typeof Koa3;

describe.each([
  ['Koa 3', Koa3, 3],
  ['Koa 2', Koa2, 2],
])('a feature of the documentation of %s below a layer', (_name, Koa, major) => {
  const playOn = (feature: Feature<Koa3>, mode?: Mode): Promise<Played> => {
    const app = new Koa();
    const log: string[] = [];
    jest
      .spyOn(console, 'error')
      .mockImplementation(text => void log.push(`logged ${String(text).trim().split('\n')[0]}`));
    if (mode) app.use(toKoa(layerOf(mode)));
    feature.build(app, entry => log.push(String(entry)));
    return play(app.callback(), log, feature.asks);
  };

  afterEach(() => jest.restoreAllMocks());

  it.each(featuresOf(major).map(feature => [feature.title, feature] as const))(
    '%s',
    async (_title, feature) => {
      const bare = await playOn(feature);
      expect(bare.answers.filter(({ connection }) => connection === 'silent')).toEqual([]);
      for (const mode of modes) expectSame(bare, await playOn(feature, mode), mode, feature as never);
    },
  );
});
