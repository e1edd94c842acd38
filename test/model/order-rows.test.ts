import { frameworks } from '../support/frameworks.js';
import { orderTables, scenarioOf } from './order-rows.js';
import { play } from './play.js';
import { predict } from './predict.js';

describe.each(orderTables)('docs/reference/order.md: $heading', ({ rows }) => {
  describe.each(frameworks)('on $name', framework => {
    it.each(rows)('$title', async ({ cast, events, status }) => {
      expect(await play(scenarioOf(cast), framework)).toEqual({ events, status });
    });
  });

  it.each(rows)('matches the model: $title', ({ cast, events, status }) => {
    expect(predict(scenarioOf(cast))).toEqual({ events, status });
  });
});
