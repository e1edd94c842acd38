import fc from 'fast-check';
import { express5Framework, frameworks, koa3Framework } from '../support/frameworks.js';
import { arbitraryScenario } from './arbitrary.js';
import { play } from './play.js';
import { predict } from './predict.js';
import { dependenciesOf, type Scenario } from './scenario.js';

/** Set by `npm run test:model`, to at least 10,000 in total. */
const numRuns = Number(process.env.MODEL_RUNS ?? 150);
const seed = process.env.MODEL_SEED === undefined ? 20261122 : Number(process.env.MODEL_SEED);
const isLong = process.env.MODEL_RUNS !== undefined;

/** Checks invariants that hold for every scenario, independently of the model. */
function expectInvariants(scenario: Scenario, events: readonly string[]): void {
  const count = (event: string): number => events.filter(each => each === event).length;
  for (const { name, kind, enter } of dependenciesOf(scenario)) {
    const hasExit = kind !== 'plain' && enter === undefined;
    const exits = events.filter(event => event === `${name} exit` || event.startsWith(`${name} exit with `));
    expect(exits).toHaveLength(hasExit ? count(`${name} enter`) : 0);
  }
  for (const task of scenario.endpoint.tasks) {
    const isAdded = events.includes('endpoint');
    expect(count(task.name) + count(`reported background: dropped ${task.name}`)).toBe(isAdded ? 1 : 0);
  }
  for (const { name, kind } of scenario.layers.flatMap(({ middleware }) => middleware)) {
    const isThrough = events.filter(
      event => event.startsWith(`${name} after`) || event.startsWith(`${name} caught`),
    );
    expect(isThrough.length).toBeLessThanOrEqual(kind === 'answers' ? 0 : count(`${name} before`));
  }
  expect(count('sent') + count('cut') + count('gone')).toBe(1);
}

describe.each(isLong ? frameworks : [express5Framework, koa3Framework])('any request on $name', framework => {
  it('happens in the order the model predicts', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryScenario, async scenario => {
        const outcome = await play(scenario, framework);
        expectInvariants(scenario, outcome.events);
        expect(outcome).toEqual(predict(scenario));
      }),
      { numRuns, seed, endOnFailure: process.env.MODEL_SHRINK === undefined },
    );
    // jest fails a test with an unhandled rejection.
    await new Promise(setImmediate);
  }, 3_600_000);
});
